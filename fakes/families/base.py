"""What a wire family must offer. To add one, write such a class and give it to its upstreams.

A family that never streams leaves `Asked.stream` False and its `events` is never called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

import orjson

from fakes.answers import CHARS_PER_TOKEN, Answer, Asked
from fakes.behaviours import Deviation
from fakes.faults import Problem, Refused

Deviations = frozenset[Deviation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request. `match` holds the path's variables; `body` is parsed JSON, else raw text.

    `raw` is for families whose bodies are not JSON, such as uploads. Header names are lower-case. `listed`: the models that a test lets
    the upstream list, `page_most` on a page at most.
    """

    match: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    body: Any
    listed: list[Any] | None = None
    page_most: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event. `content` tells frames that carry something the model said from the others."""

    data: bytes
    content: bool = False
    name: str = ""


class Family(Protocol):
    """One endpoint in one wire format."""

    def __hash__(self) -> int:
        """By identity: an endpoint is part of the key under which replies are cached."""

    @property
    def name(self) -> str:
        """What the checks, the scripts and the journal call it."""

    @property
    def method(self) -> str:
        """HTTP method."""

    @property
    def path(self) -> str:
        """aiohttp route pattern below the upstream's base path; "/../x" is beside it."""

    @property
    def generates(self) -> bool:
        """Whether it costs quota, and scripts and the default behaviour apply to it."""

    @property
    def public(self) -> bool:
        """Whether it answers without a key."""

    @property
    def line_end(self) -> bytes:
        """Line end of its streams."""

    @property
    def done(self) -> bytes | None:
        """Data of the event that ends its streams, if there is one."""

    def read(self, call: Call) -> Asked:
        """What is asked. Raises Refused for what cannot be read at all."""

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """The body of a whole answer."""

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """The events of a streamed answer, without the one that ends it."""


class Listing:
    """A fixed JSON document behind GET: the model list, the state of a key."""

    method = "GET"
    generates = False
    line_end = b"\n"
    done = None

    def __init__(self, name: str, path: str, document: Any, *, public: bool = False) -> None:
        self.name = name
        self.path = path
        self.public = public
        self._body = orjson.dumps(document)

    def read(self, call: Call) -> Asked:
        """Nothing is asked but the document."""
        return Asked(family=self.name, model=self.name)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """The document."""
        return self._body

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: a listing is never streamed."""
        return ()


def json_object(call: Call) -> dict[str, Any]:
    """The request's body. Raises Refused unless it is a JSON object."""
    if not isinstance(call.body, dict):
        raise Refused(Problem(status=400, message="The body of your request is not a valid JSON object."))
    return call.body


def require_types(
    document: Mapping[str, Any], types: Mapping[str, type | tuple[type, ...]], where: str = ""
) -> None:
    """Raises Refused if a field that is present and not null has another type than `types` says."""
    for name, kind in types.items():
        value = document.get(name)
        if value is not None and not isinstance(value, kind):
            raise Refused(Problem(status=400, message=f"'{where}{name}' : wrong type of value", param=name))


def require_objects(values: Iterable[Any], where: str) -> None:
    """Raises Refused unless every value is a JSON object."""
    for position, value in enumerate(values):
        if not isinstance(value, dict):
            problem = Problem(
                status=400, message=f"'{where}.{position}' : value must be an object", param=where
            )
            raise Refused(problem)


def prompt_size_and_digest(prompt: Any, model: str) -> tuple[int, str]:
    """Estimated tokens of a prompt (any JSON), and 24 hex digits that stand for it and the model.

    Both depend on the conversation alone, so a streamed and a whole request for it agree.
    """
    serialised = orjson.dumps(prompt)
    digest = blake2b(serialised + model.encode(), digest_size=12).hexdigest()
    return max(1, len(serialised) // CHARS_PER_TOKEN), digest


def positive_int(value: Any, default: int) -> int:
    """`value` if it is a positive integer, else `default`."""
    return value if isinstance(value, int) and value > 0 else default
