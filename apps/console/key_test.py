"""A key test in sentences: what was reached, what was said, what it cost."""

from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from apps.console.words import duration
from apps.providers.errors import ErrorKind
from apps.providers.models import Provider
from apps.providers.presets import PresetError, parse_preset
from apps.providers.probe import Outcome

NOT_REACHED: Final = frozenset({ErrorKind.NETWORK})
ACCEPTED: Final = frozenset({ErrorKind.PAYMENT_REQUIRED, ErrorKind.NOT_IN_PLAN, ErrorKind.RATE_LIMITED})
"""What only a key that is known gets to hear."""


class Step(Struct, frozen=True):
    """One thing that the test found. `tone`: ok, bad, or "" for what is only told."""

    tone: str
    title: str
    detail: str = ""
    figure: str = ""


def steps_of(provider: Provider, outcome: Outcome) -> list[Step]:
    """What happened, in its order."""
    host = urlsplit(provider.base_url).hostname or provider.base_url
    error = outcome.error
    if error is not None and error.kind in NOT_REACHED:
        return [Step("bad", f"{host} was not reached", f"{error.message}.", duration(outcome.latency_ms))]
    steps = [Step("ok", f"Reached {host}", "", duration(outcome.latency_ms))] if outcome.latency_ms else []
    if error is None or error.kind in ACCEPTED:
        steps.append(Step("ok", "The key is accepted"))
    if error is not None:
        steps.append(Step("bad", _title(error.kind), f"{error.message}."))
    if outcome.models_seen is not None:
        steps.append(_models(provider, outcome.models_seen))
    return [*steps, _cost(provider)]


def sentence(outcome: Outcome) -> str:
    """The same in one."""
    if outcome.error is not None:
        return f"{outcome.error.message}."
    seen = f", {outcome.models_seen} models seen" if outcome.models_seen is not None else ""
    return f"It works: {duration(outcome.latency_ms)}{seen}." if outcome.latency_ms else "It works."


def _title(kind: ErrorKind) -> str:
    return {
        ErrorKind.AUTH: "The provider refused the key",
        ErrorKind.PAYMENT_REQUIRED: "The account has no credit",
        ErrorKind.NOT_IN_PLAN: "The default model is not in the account's plan",
        ErrorKind.RATE_LIMITED: "Its quota is used up for now",
        ErrorKind.UNSUPPORTED_REGION: "The provider does not serve this region",
        ErrorKind.SERVICE_RETIRED: "The service has ended",
    }.get(kind, "The test failed")


def _models(provider: Provider, seen: int) -> Step:
    known = provider.models.filter(enabled=True).count()
    shipped = f"The catalogue offers {known}" if known else "The catalogue knows none"
    return Step("ok", f"{seen} models seen", f"{shipped}; the list is read once the key is stored.")


def _cost(provider: Provider) -> Step:
    try:
        probe = parse_preset(provider.wire).probe
    except PresetError:
        return Step("", "No chat was sent")
    if probe.kind == "chat" or probe.then_chat:
        return Step(
            "",
            "One chat of one token was sent",
            "This provider has no free call that needs a key.",
            "1 token",
        )
    return Step(
        "", "No chat was sent", "The test costs no quota. Your first real request is the proof.", "0 tokens"
    )
