"""Quota windows in words, and which of an account's windows stands for it. Pure."""

from collections.abc import Iterable
from typing import Final, TypeVar

from msgspec import Struct

from apps.console.readings import Left, Reading
from apps.console.words import length, short
from apps.core.state.keys import CONCURRENCY, Span
from apps.core.state.periods import ONCE, seconds
from apps.providers.limits import Limit

T = TypeVar("T")
PERIODS: Final = {"second": "a second", "minute": "a minute", "hour": "an hour", "day": "a day"} | {
    "week": "a week",
    "month": "a month",
    ONCE: "once",
}
METRICS: Final = {
    "audio_seconds": "seconds of audio",
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
}
DAY_S: Final = 86_400
MINUTE_S: Final = 60
MOST_WORDS: Final = 2
MONEY: Final = "money"


class Sum(Struct, frozen=True):
    """What is left of all windows of a span. `of`: how many they are; `is_account`: whether it is the one of the whole account. `pace`: the
    share that would be left now at an even pace, None where they have none or not the same. `kind`: how they run, "" where not all do so.
    """

    span: Span
    left: int
    limit: int
    of: int
    resets_at: float | None
    is_account: bool = False
    pace: float | None = None
    kind: str = ""
    reported_at: float | None = None

    @property
    def words(self) -> str:
        """requests a day."""
        return span_words(self.span)


def span_words(span: Span) -> str:
    """requests a day; at a time."""
    if span.metric == CONCURRENCY:
        return "at a time"
    period = PERIODS.get(span.period) or f"in {span.period}"
    return f"{METRICS.get(span.metric, span.metric.replace('_', ' '))} {period}"


def period_words(period: str) -> str:
    """24 h, 1 min, 30 days: how long a rolling window is."""
    return period if period == ONCE else length(seconds(period))


def short_period(span: Span) -> str:
    """a day, a month: where the metric was said before."""
    return PERIODS.get(span.period) or f"in {span.period}"


def limits_in_words(limits: Iterable[Limit], model: str) -> str:
    """The two windows that matter most, as the model of that name has them: 1,000 requests a day · 30 a minute, per model."""
    first: dict[Span, Limit] = {}
    for limit in limits:
        if limit.limit and limit.metric != MONEY and limit.matches(model):
            first.setdefault(limit.span, limit)
    ranked = sorted(first.values(), key=lambda limit: _rank(limit.span))[:MOST_WORDS]
    if not ranked:
        return ""
    metric, said = "", []
    for limit in ranked:
        again = limit.metric == metric
        said.append(f"{short(limit.limit)} {short_period(limit.span) if again else span_words(limit.span)}")
        metric = limit.metric
    return " · ".join(said) + (", per model" if all(limit.each for limit in ranked) else "")


def headline(reading: Reading) -> Sum | None:
    """What says best how much is left: of a day or longer, requests before tokens; else of what is given once."""
    known = {left.window.span for left in _all(reading)}
    spans = {span for span in known if _length_s(span) >= DAY_S} or {
        span for span in known if span.period == ONCE
    }
    return _sum(reading, min(spans, key=_rank)) if spans else None


def this_minute(reading: Reading) -> Sum | None:
    """What is left of a minute or less, requests before tokens."""
    spans = {left.window.span for left in _all(reading) if 0 < _length_s(left.window.span) <= MINUTE_S}
    return _sum(reading, min(spans, key=_rank)) if spans else None


def _sum(reading: Reading, span: Span) -> Sum | None:
    windows = reading.windows(span)
    if not windows:
        return None
    return Sum(
        span,
        sum(left.left for left in windows),
        sum(left.window.limit for left in windows),
        len(windows),
        _same(left.resets_at for left in windows),
        is_account=windows[0].window.scope == reading.account,
        pace=_same(left.pace for left in windows),
        kind=_same(left.window.kind for left in windows) or "",
        reported_at=_same(left.reported_at for left in windows),
    )


def _same(values: Iterable[T]) -> T | None:
    """The value that all are; None where they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _all(reading: Reading) -> Iterable[Left]:
    chosen = (left for model in reading.models if model.is_chosen for left in model.windows)
    return (left for left in (*reading.shared, *chosen) if left.window.metric != MONEY)


def _rank(span: Span) -> tuple[bool, bool, int]:
    """Requests come before tokens, those before all else; a day before what is longer, and that before what is shorter."""
    length = _length_s(span)
    return span.metric != "requests", span.metric != "tokens", abs(length - DAY_S)


def _length_s(span: Span) -> int:
    return 0 if span.metric == CONCURRENCY or span.period == ONCE else seconds(span.period)
