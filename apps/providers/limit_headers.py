"""What providers say of their own limits in response headers, as reports for the state store. Pure.

A report is made only when less than a tenth is left: before that, our own count is as good, and the request path is spared a call. The
store takes a report only where it leaves less than it believes, so that nothing here loosens a limit.

Two kinds of windows. One that starts anew on a boundary is closed until that boundary. One that refills continuously (a token bucket)
is believed only until it is back at a tenth, for its stated reset is the time until it is full; never for longer than a minute. Then
the next answer tells again. Which headers mean what is data: `Preset.limit_headers` and `Preset.spent_headers`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.contract import Report, Window
from apps.core.state.keys import Span, parse_window_key, window_key
from apps.core.state.periods import Period, bounds, seconds
from apps.providers.adapters.refusals.waits import EPOCH_MS, EPOCH_S, parse_duration
from apps.providers.errors import Scope
from apps.providers.quotas import RETRY_ROLLING_S, TRANSIT_S
from apps.providers.types import Offer, Preset
from apps.providers.wires import LimitHeaders, SpentHeaders

LOW_SHARE: Final = 0.1
MAX_DIGITS: Final = 15
MAX_RESET_LENGTH: Final = 40


def reported(headers: Mapping[str, str], offer: Offer, now: float) -> tuple[Report, ...]:
    """What is nearly used up of `offer`'s windows by the headers of an answer, a 2xx or a 429. Header names are lower case.

    Only windows that the offer has are reported: the store would never look at another. `learnt_windows` adds those that the catalogue
    does not know.
    """
    reports = []
    for names in offer.preset.limit_headers:
        remaining = _count(headers.get(names.remaining))
        if remaining is None:
            continue
        limit = _count(headers.get(names.limit))
        if limit == 0:  # no limit, or no quota at all, which a 429 says better
            continue
        if remaining == 0 or (limit is not None and remaining < limit * LOW_SHARE):
            wait_s = _wait_s(headers.get(names.reset), now)
            reports.append(_report(names, _Reading(remaining, limit, wait_s), offer, now))
    if offer.preset.spent_headers is not None:
        reports.append(_spent(headers, offer.preset.spent_headers, offer, now))
    return tuple(report for report in reports if report is not None)


def learnt_windows(preset: Preset, candidate: str, known: Iterable[Window]) -> tuple[Window, ...]:
    """Windows without a limit of their own for what an upstream reports of single models and `known`, the candidate's windows from the
    catalogue, lacks: so that reports bind there as well."""
    spans = {window.span for window in known if parse_window_key(window.key).scope == candidate}
    return tuple(
        replace(
            Window.of(candidate, Span(names.metric, period), 0, kind="rolling" if names.rolling else "fixed"),
            margin_s=TRANSIT_S,
        )
        for names in preset.limit_headers
        for period in names.units
        if names.scope == "model" and Span(names.metric, period) not in spans
    )


class _Reading(Struct, frozen=True):
    """What such headers say. `wait_s`: seconds until its reset."""

    remaining: int
    limit: int | None
    wait_s: float | None


def _report(names: LimitHeaders, reading: _Reading, offer: Offer, now: float) -> Report | None:
    """None where the offer has no such window."""
    wait_s = inf if reading.wait_s is None else reading.wait_s
    fitting = (period for period in names.units if reading.wait_s is None or wait_s <= seconds(period))
    period = next(fitting, names.units[-1])
    window = _window(offer, names.scope, Span(names.metric, period))
    if window is None:
        return None
    if names.rolling or window.kind == "bucket":
        regain_s = _regain_s(reading.remaining, reading.limit or window.limit, period)
        return Report(window, reading.remaining, now + min(wait_s, regain_s, RETRY_ROLLING_S))
    if reading.wait_s is None:
        ends_at = None if window.kind == "first_use" else bounds(period, window.zone, now)[1]
        return Report(window, reading.remaining, ends_at)
    return Report(window, reading.remaining, now + min(wait_s, seconds(period)))


def _regain_s(remaining: int, limit: int, period: Period) -> float:
    """Seconds until a bucket that refills `limit` per `period` is back at a tenth, and at one request."""
    if not limit:
        return RETRY_ROLLING_S
    return max(max(limit * LOW_SHARE, 1.0) - remaining, 0.0) / limit * seconds(period)


def _spent(headers: Mapping[str, str], names: SpentHeaders, offer: Offer, now: float) -> Report | None:
    """The window that a 429 names as spent, and for how long."""
    spent = names.windows.get(headers.get(names.window, ""))
    wait_s = _wait_s(headers.get(names.wait), now)
    if spent is None or wait_s is None:
        return None
    window = _window(offer, spent.scope, Span(spent.metric, spent.unit))
    return None if window is None else Report(window, 0, now + min(wait_s, seconds(spent.unit)))


def _window(offer: Offer, scope: Scope, span: Span) -> Window | None:
    subject = offer.subject
    key = window_key(subject.candidate if scope == "model" else subject.credential, span)
    return next((window for window in subject.windows if window.key == key), None)


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
