"""What providers say of their own limits in response headers, as reports for the state store. Pure.

A report is made only when less than a tenth is left: before that, our own count is as good, and the request path is spared a call. The
store takes a report only where it leaves less than it believes, so that nothing here loosens a limit.

Two kinds of windows. One that starts anew on a boundary is closed until that boundary. One that refills continuously (a token bucket)
is believed only until it is back at a tenth, for its stated reset is the time until it is full; never for longer than a minute. Then
the next answer tells again. Header names and meanings: providers' documentation and measurements with live keys, July-August 2026.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Final, Literal

from msgspec import Struct

from apps.core.state.contract import UNIT_SECONDS, Metric, Report, Unit, Window
from apps.core.state.windows import bounds
from apps.providers.adapters.refusals.waits import EPOCH_MS, EPOCH_S, parse_duration
from apps.providers.quotas import RETRY_ROLLING_S
from apps.providers.types import Offer

LOW_SHARE: Final = 0.1
MAX_DIGITS: Final = 15
MAX_RESET_LENGTH: Final = 40

Scope = Literal["model", "account"]


class Gauge(Struct, frozen=True, kw_only=True):
    """One window that a provider reports: `remaining` of `limit` until `reset`, each a header name, "" where there is none.

    `units`: its length; where the headers leave it open, the possible ones, shortest first: the reset cannot be farther away than the
    window is long. `rolling`: it refills continuously.
    """

    metric: Metric
    units: tuple[Unit, ...]
    remaining: str
    limit: str
    reset: str = ""
    scope: Scope = "model"
    rolling: bool = True


def _openai_style(metric: Metric, *units: Unit, suffix: str = "") -> Gauge:
    """x-ratelimit-{remaining,limit,reset}-{metric}{suffix}, of OpenAI and those who copied it."""
    return Gauge(
        metric=metric,
        units=units,
        remaining=f"x-ratelimit-remaining-{metric}{suffix}",
        limit=f"x-ratelimit-limit-{metric}{suffix}",
        reset=f"x-ratelimit-reset-{metric}{suffix}",
    )


def _mistral(metric: Metric, word: str, unit: Unit) -> Gauge:
    """The clock's minute, the calendar's month: no reset is stated."""
    return Gauge(
        metric=metric,
        units=(unit,),
        remaining=f"x-ratelimit-remaining-{word}-{unit}",
        limit=f"x-ratelimit-limit-{word}-{unit}",
        rolling=False,
    )


def _plain(metric: Metric, word: str, *units: Unit, scope: Scope = "model", rolling: bool = True) -> Gauge:
    return Gauge(
        metric=metric,
        units=units,
        remaining=f"x-{word}-remaining",
        limit=f"x-{word}-limit",
        reset=f"x-{word}-reset",
        scope=scope,
        rolling=rolling,
    )


# A server that nobody described: what OpenAI's clients know. Its windows are minutes, on small accounts days.
OPENAI_STYLE: Final = (
    _openai_style("requests", "minute", "day"),
    _openai_style("tokens", "minute", "day"),
)
DIALECTS: Final[Mapping[str, tuple[Gauge, ...]]] = {
    "groq": (_openai_style("requests", "day"), _openai_style("tokens", "minute")),
    "mistral": (
        _mistral("requests", "req", "minute"),
        _mistral("tokens", "tokens", "minute"),
        _mistral("tokens", "tokens", "month"),
    ),
    # The first two always come, the others sometimes.
    "cerebras": (
        _openai_style("requests", "day", suffix="-day"),
        _openai_style("tokens", "minute", suffix="-minute"),
        _openai_style("requests", "minute", suffix="-minute"),
        _openai_style("requests", "hour", suffix="-hour"),
        _openai_style("tokens", "hour", suffix="-hour"),
        _openai_style("tokens", "day", suffix="-day"),
    ),
    # The monthly header states the limit only.
    "cohere": (
        Gauge(
            metric="requests",
            units=("minute",),
            remaining="x-trial-endpoint-call-remaining",
            limit="x-trial-endpoint-call-limit",
        ),
    ),
    # On its own 429s only, for the minute or the day of the whole account.
    "openrouter": (_plain("requests", "ratelimit", "minute", "day", scope="account", rolling=False),),
    "sambanova": (_openai_style("requests", "minute"), _openai_style("requests", "day", suffix="-day")),
    "together": (_plain("requests", "ratelimit", "minute"), _plain("tokens", "tokenlimit", "minute")),
    # Their headers on a success are not the limits that bind: see SPENT.
    "github": (),
    **dict.fromkeys(("gemini", "huggingface", "nvidia", "cloudflare", "zai", "zhipu", "llm7", "sandbox"), ()),
    **dict.fromkeys(("ollama", "ollama_cloud", "lmstudio", "vllm", "llamacpp"), ()),
}
# Providers that name the window that is spent, on 429s only, and the seconds until it opens: header value -> window.
SPENT_TYPE: Final = "x-ratelimit-type"
SPENT_WAIT: Final = "x-ratelimit-timeremaining"
SPENT: Final[Mapping[str, Mapping[str, tuple[Metric, Unit, Scope]]]] = {
    "github": {
        "UserByMinute": ("requests", "minute", "account"),
        "UserByDay": ("requests", "day", "account"),
        "UserByModelByMinute": ("requests", "minute", "model"),
        "UserByModelByDay": ("requests", "day", "model"),
    }
}


def reported(headers: Mapping[str, str], offer: Offer, now: float) -> tuple[Report, ...]:
    """What is nearly used up of `offer`'s windows by the headers of an answer, a 2xx or a 429. Header names are lower case.

    Only windows that the offer has are reported: the store would never look at another. `learnt_windows` adds those that the catalogue
    does not know.
    """
    reports = []
    for gauge in DIALECTS.get(offer.provider, OPENAI_STYLE):
        remaining = _count(headers.get(gauge.remaining))
        if remaining is None:
            continue
        limit = _count(headers.get(gauge.limit))
        if limit == 0:  # no limit, or no quota at all, which a 429 says better
            continue
        if remaining == 0 or (limit is not None and remaining < limit * LOW_SHARE):
            wait_s = _wait_s(headers.get(gauge.reset), now) if gauge.reset else None
            reports.append(_report(gauge, _Reading(remaining, limit, wait_s), offer, now))
    if offer.provider in SPENT:
        reports.append(_spent(headers, offer, now))
    return tuple(report for report in reports if report is not None)


def learnt_windows(provider: str, candidate: str, known: Iterable[Window]) -> tuple[Window, ...]:
    """Windows without a limit of their own for what `provider` reports of single models and `known`, the candidate's windows from the
    catalogue, lacks: so that reports bind there as well."""
    spans = {(window.metric, window.unit) for window in known if window.key.startswith(f"{candidate}#")}
    return tuple(
        Window(_key(candidate, gauge.metric, unit), gauge.metric, unit, 0, gauge.rolling)
        for gauge in DIALECTS.get(provider, OPENAI_STYLE)
        for unit in gauge.units
        if gauge.scope == "model" and (gauge.metric, unit) not in spans
    )


class _Reading(Struct, frozen=True):
    """A gauge's values. `wait_s`: seconds until its reset."""

    remaining: int
    limit: int | None
    wait_s: float | None


def _report(gauge: Gauge, reading: _Reading, offer: Offer, now: float) -> Report | None:
    """None where the offer has no such window."""
    wait_s = inf if reading.wait_s is None else reading.wait_s
    fitting = (unit for unit in gauge.units if reading.wait_s is None or wait_s <= UNIT_SECONDS[unit])
    unit = next(fitting, gauge.units[-1])
    window = _window(offer, gauge.scope, gauge.metric, unit)
    if window is None:
        return None
    if gauge.rolling:
        regain_s = _regain_s(reading.remaining, reading.limit or window.limit, unit)
        return Report(window, reading.remaining, now + min(wait_s, regain_s, RETRY_ROLLING_S))
    if reading.wait_s is None:
        return Report(window, reading.remaining, bounds(unit, window.zone, now)[1])
    return Report(window, reading.remaining, now + min(wait_s, UNIT_SECONDS[unit]))


def _regain_s(remaining: int, limit: int, unit: Unit) -> float:
    """Seconds until a bucket that refills `limit` per `unit` is back at a tenth, and at one request."""
    if not limit:
        return RETRY_ROLLING_S
    return max(max(limit * LOW_SHARE, 1.0) - remaining, 0.0) / limit * UNIT_SECONDS[unit]


def _spent(headers: Mapping[str, str], offer: Offer, now: float) -> Report | None:
    """The window that a 429 names as spent, and for how long."""
    span = SPENT[offer.provider].get(headers.get(SPENT_TYPE, ""))
    wait_s = _wait_s(headers.get(SPENT_WAIT), now)
    if span is None or wait_s is None:
        return None
    metric, unit, scope = span
    window = _window(offer, scope, metric, unit)
    return None if window is None else Report(window, 0, now + min(wait_s, UNIT_SECONDS[unit]))


def _window(offer: Offer, scope: Scope, metric: Metric, unit: Unit) -> Window | None:
    subject = offer.subject
    key = _key(subject.candidate if scope == "model" else subject.credential, metric, unit)
    return next((window for window in subject.windows if window.key == key), None)


def _key(scope: str, metric: Metric, unit: Unit) -> str:
    return f"{scope}#{metric}/{unit}"


def _count(text: str | None) -> int | None:
    """A whole number; None for everything else, -1 for "unlimited" included."""
    if text is None or len(text) > MAX_DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    return int(text)


def _wait_s(text: str | None, now: float) -> float | None:
    """Seconds until a reset: "2m59.56s", "26.28", epoch seconds or milliseconds, ISO 8601; None for anything else."""
    if text is None or len(text) > MAX_RESET_LENGTH:
        return None
    reset = parse_duration(text)
    if reset is not None and reset < EPOCH_S:
        return reset
    if reset is None:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        reset = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    return max((reset / 1000 if reset > EPOCH_MS else reset) - now, 0.0)
