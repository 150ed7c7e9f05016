"""What the fake must know of one provider to pass for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from fakes.answers import Asked
from fakes.families.base import Call, Event, Family
from fakes.faults import (
    GENERIC,
    Fault,
    Problem,
    Refused,
    Shape,
    render_problem,
    wrapped_shape,
)
from fakes.limits import Limits, Meter

Check = Callable[[Asked], None]
Headers = Callable[[Meter, Asked, float], dict[str, str]]


def bearer_key(call: Call) -> str | None:
    """The key of an Authorization: Bearer header."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None


def optional_key(call: Call) -> str:
    """For a server that asks for no key, but refuses a wrong one."""
    return bearer_key(call) or "none"


def no_headers(meter: Meter, asked: Asked, now: float) -> dict[str, str]:
    """For a provider that reports nothing on a success."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upstream:
    """One faked provider.

    `checks` holds the strict rules by family name: each raises Refused for what the real provider refuses.
    `opening_comment` is a comment line that opens every stream.
    `charges_caps`: a request is admitted by its prompt and its cap on the answer, and charged with what it came to.
    `caches_prompts`: it tells how much of a prompt it knew already.
    `headers` gives the rate-limit headers of a success, from the meter, the request and the epoch second;
    with `reports_on_errors` they come with refusals too. `max_concurrent`: how many generating requests may be
    under way, None for any number; one more gets the problem of Fault.RATE_QUEUE.
    """

    slug: str
    base_path: str
    families: tuple[Family, ...]
    shape: Shape = wrapped_shape
    problems: Mapping[Fault, Problem] = field(default_factory=dict)
    stream_error: Event
    opening_comment: bytes = b""
    checks: Mapping[str, Check] = field(default_factory=dict)
    headers: Headers = no_headers
    reports_on_errors: bool = False
    limits: Limits = field(default_factory=Limits)
    max_concurrent: int | None = None
    charges_caps: bool = False
    caches_prompts: bool = False
    key_of: Callable[[Call], str | None] = bearer_key

    def problem(self, fault: Fault) -> Problem:
        """The provider's own wording of a fault, else OpenAI's."""
        return self.problems.get(fault) or GENERIC[fault]

    def refusal(self, problem: Problem, *, model: str, now: float) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a refusal, in the provider's shape."""
        return render_problem(problem, self.shape, model=model, now=now)

    def check(self, asked: Asked) -> None:
        """Raises Refused for a request that the real provider would refuse."""
        rule = self.checks.get(asked.family)
        if rule is not None:
            rule(asked)


def models_document(*models: dict[str, Any]) -> dict[str, Any]:
    """A model list in OpenAI's shape, with the fields that every provider has."""
    common = {"object": "model", "created": 1_740_000_000}
    return {"object": "list", "data": [{**common, **model} for model in models]}


def error_event(document: Any, *, name: str = "") -> Event:
    """An event that reports an error inside a stream."""
    return Event(data=orjson.dumps(document), name=name)


def names(text: str) -> frozenset[str]:
    """A set of names, written as one text for the reader's sake."""
    return frozenset(text.split())


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Refused:
    """A 400 to raise from a check."""
    return Refused(Problem(status=400, message=message, param=param, code=code))
