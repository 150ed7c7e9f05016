"""The times that pages of figures are about: the windows that they offer, and what an address asks for. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from apps.analytics.reports.windows import Window, of_days
from apps.core.state.periods import midnight

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MOST_DAYS: Final = 730
MOST_BUCKETS: Final = 30
STEPS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 15, 60, 180, 360, 720, 1_440, 2_880, 7_200, 14_400, 28_800, 43_200)
)
"""How long a bucket may be: what hours and days of UTC are made of, so that rollups answer for all but the two ends."""
DAYS_AS_HOURS: Final = 2
"""So many whole days and fewer are cut into hours."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Span(Struct, frozen=True):
    """A window that ends now: `seconds`, or `days` of the viewer's zone in so many `buckets`. `short`: on a button."""

    label: str
    short: str
    seconds: int = 0
    days: int = 0
    buckets: int = 0


SPANS: Final[Mapping[str, Span]] = {
    "hour": Span("Last hour", "Hour", seconds=3_600),
    "day": Span("Last 24 hours", "24 h", seconds=86_400),
    "week": Span("Last 7 days", "7 d", seconds=604_800),
    "month": Span("Last 30 days", "30 d", days=30, buckets=30),
    "quarter": Span("Last 90 days", "90 d", days=90, buckets=90),
    "years": Span("Last 2 years", "2 y", days=730, buckets=104),
}


class Asked(Struct, frozen=True):
    """`span`: the name of one of SPANS, "" for a window of the viewer's own, from `first` to `last` where that is of whole days."""

    window: Window
    label: str
    span: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def length(self) -> timedelta:
        """Of all of it."""
        return self.window.end - self.window.start

    @property
    def step(self) -> timedelta:
        """How long a bucket is, but for the first and the last."""
        first, second, *others = self.window.bounds
        return others[0] - second if len(others) > 1 else second - first

    def before(self) -> Window:
        """The time of the same length before it, in one bucket."""
        return Window((self.window.start - self.length, self.window.start))


def asked(query: Mapping[str, str], zone: ZoneInfo, now: datetime, usual: str) -> Asked:
    """`start` and `end` in epoch seconds, or `from` and `to` as dates of the zone, or `span`; what makes no sense there is the usual
    span. Nothing ends after `now`."""
    return _between(query, now) or _days(query, zone, now) or _span(query.get("span", ""), zone, now, usual)


def _span(name: str, zone: ZoneInfo, now: datetime, usual: str) -> Asked:
    name = name if name in SPANS else usual
    span = SPANS[name]
    if span.days:
        return Asked(of_days(span.days, span.buckets, zone, now), span.label, name)
    return Asked(cut(now - timedelta(seconds=span.seconds), now), span.label, name)


def cut(start: datetime, end: datetime) -> Window:
    """The time between the two, in buckets that begin where hours and days of UTC do; the first and the last are what is over."""
    step = next((step for step in STEPS if (end - start) / step <= MOST_BUCKETS), STEPS[-1])
    first = EPOCH + ((start - EPOCH) // step + 1) * step
    count = max(0, -((first - end) // step))  # of those before the end
    return Window((start, *(first + number * step for number in range(count)), end))


def _between(query: Mapping[str, str], now: datetime) -> Asked | None:
    start, end = moment(query.get("start", "")), moment(query.get("end", ""))
    if start is None or end is None:
        return None
    end = min(end, now)
    seconds = int((end - start).total_seconds())
    if not HOUR <= timedelta(seconds=seconds) <= MOST_DAYS * DAY:
        return None
    return Asked(cut(start, end), "Between two times")


def _days(query: Mapping[str, str], zone: ZoneInfo, now: datetime) -> Asked | None:
    try:
        first, last = date.fromisoformat(query.get("from", "")), date.fromisoformat(query.get("to", ""))
    except ValueError:
        return None
    last = min(last, now.astimezone(zone).date())
    days = (last - first).days + 1
    if not 1 <= days <= MOST_DAYS:
        return None
    until = min(now, datetime.fromtimestamp(midnight(last + DAY, zone), UTC))
    if days <= DAYS_AS_HOURS:
        start = datetime.fromtimestamp(midnight(first, zone), UTC)
        window = cut(start, max(until, start + timedelta(seconds=1)))
    else:
        window = of_days(days, 90, zone, until)
    return Asked(window, "Chosen days", "", first, last)


def moment(text: str) -> datetime | None:
    """Of epoch seconds; None for what is none, or is of no time near ours."""
    if not (text.isascii() and text.isdigit() and len(text) <= 11):  # noqa: PLR2004 - up to the year 5138
        return None
    return datetime.fromtimestamp(int(text), UTC)
