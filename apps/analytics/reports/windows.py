"""The time that a report tells of, and the buckets that it is cut into. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from apps.core.state.periods import midnight

SECONDS: Final = range(60, 604_801)
DAYS: Final = range(1, 731)
BUCKETS: Final = range(1, 169)
USUAL_SECONDS: Final = 86_400
USUAL_BUCKETS: Final = 24


class Window(Struct, frozen=True):
    """`bounds`: where each bucket begins and the last one ends, UTC. Beginnings belong to a bucket, its end to the next."""

    bounds: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        return self.bounds[0]

    @property
    def end(self) -> datetime:
        return self.bounds[-1]


def of_seconds(seconds: int, buckets: int, until: datetime) -> Window:
    """The `seconds` until then, in equal buckets."""
    start, width = until - timedelta(seconds=seconds), timedelta(seconds=seconds) / buckets
    return Window((*(start + number * width for number in range(buckets)), until))


def of_days(days: int, buckets: int | None, zone: ZoneInfo, until: datetime) -> Window:
    """The last `days` days of the zone, the one that runs at `until` included, in buckets of as many whole days as it takes to need no more
    than `buckets` (a bucket a day, where so many are allowed)."""
    most = min(days, buckets or BUCKETS[-1])
    step = -(-days // most)
    last = (until - datetime.resolution).astimezone(zone).date()
    firsts = [last - timedelta(days=back) for back in range(days - 1, -1, -step)]
    starts = (datetime.fromtimestamp(midnight(first, zone), UTC) for first in firsts)
    return Window((*starts, until))
