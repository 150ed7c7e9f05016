"""What dead processes left in the spool: counted at once, for the quota windows, and written to the database behind."""

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import structlog
from msgspec import Struct
from msgspec.structs import replace

from apps.analytics.drain import OnWritten, drain
from apps.analytics.events import REFUSED, Moment
from apps.analytics.history import ClientUsage
from apps.analytics.models import UsageEventRow
from apps.analytics.rollup.spent import NOTHING, BucketUsage
from apps.analytics.segments import Reader, discard, is_copy, refuse, segments, take

log = structlog.get_logger("freeai.usage")

MINUTE_S = 60
ROUNDING_S = 0.001  # the database keeps microseconds


class Spent(Struct):
    """What of an event the quota windows need."""

    id: str
    at: Moment
    user_id: int
    provider: str
    model: str
    outcome: str = "success"
    latency_ms: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    client_id: int | None = None
    request_id: str = ""
    charged: dict[str, int] = {}
    is_open: bool = False


class Leftover(Struct):
    """A dead process's directory, its held lock, and how many attempts wait in it. `oldest_at`: when the first of them ended, UTC.
    `size`: its segments' bytes."""

    directory: Path
    lock: int
    waiting: int = 0
    size: int = 0
    oldest_at: float = inf


class Leftovers:
    """Directories are taken by `look` and written by `step`, both in one thread; `depth`, `size` and `oldest_at` belong to any.

    `client_usage`: what of the looks' events the limits of client keys need.
    """

    def __init__(
        self, root: Path, own: Path, *, using: str = "default", on_written: OnWritten | None = None
    ) -> None:
        self._root = root
        self._own = own
        self._using = using
        self._on_written = on_written
        self._left: deque[Leftover] = deque()
        self._clients_since = inf
        self._steps: Iterator[int] | None = None
        self.client_usage = ClientUsage()

    def look(self, clients_since: float = inf) -> list[BucketUsage]:
        """Take what is there, and sum up what of it the ledger does not know yet; that of client keys from `clients_since` on. Raises
        django.db.Error."""
        self._clients_since = clients_since
        buckets: list[BucketUsage] = []
        for directory, lock in take(self._root, self._own):
            leftover = Leftover(directory, lock)
            try:
                buckets += self._summed(leftover)
            except OSError as error:
                refuse(directory, error)
                os.close(lock)
                continue
            except BaseException:
                os.close(lock)
                raise
            self._left.append(leftover)
        return buckets

    def step(self) -> bool:
        """Write the next batch. False when nothing is left. Raises django.db.Error; the segment is begun anew then."""
        while self._left:
            leftover = self._left[0]
            try:
                if self._steps is None:
                    self._steps = self._written(leftover)
                for count in self._steps:
                    leftover.waiting = max(0, leftover.waiting - count)
                    return True
                discard(leftover.directory)
            except OSError as error:
                refuse(leftover.directory, error)
            except BaseException:
                self._steps = None  # a generator that raised looks like one that is done
                raise
            self._left.popleft()
            self._steps = None
            os.close(leftover.lock)
        return False

    def depth(self) -> int:
        """Attempts that are not in the database yet."""
        return sum(leftover.waiting for leftover in self._left)

    def size(self) -> int:
        """The bytes that they take of the disk."""
        return sum(leftover.size for leftover in self._left)

    def oldest_at(self) -> float | None:
        """When the first of them ended, UTC epoch seconds."""
        return min((leftover.oldest_at for leftover in self._left if leftover.waiting), default=None)

    def close(self) -> None:
        """Leave the rest to the next process."""
        for leftover in self._left:
            os.close(leftover.lock)
        self._left.clear()

    def _written(self, leftover: Leftover) -> Iterator[int]:
        written = 0
        for segment in segments(leftover.directory):
            for count in drain(segment, dead=True, using=self._using, on_written=self._on_written):
                written += count
                yield count
            leftover.size -= _size(segment)
            segment.unlink(missing_ok=True)
        if written:
            log.info("usage.adopted", events=written)

    def _summed(self, leftover: Leftover) -> list[BucketUsage]:
        """Segments are drained in order, and each is deleted when it is: only the first may be in the ledger, whole or in part."""
        paths = segments(leftover.directory)
        sums = _Sums(self._clients_since, doubles=any(map(is_copy, paths)))
        for number, segment in enumerate(paths):
            sums.add(read_spent(segment))
            if number == 0 and (known := self._in_ledger(sums)):
                sums = _Sums(self._clients_since, known, doubles=sums.doubles)
                sums.add(read_spent(segment))
        sums.close()
        self.client_usage = sums.client_usage.beside(self.client_usage)
        leftover.waiting, leftover.oldest_at = sums.waiting, sums.oldest_at
        leftover.size = sum(map(_size, paths))
        return sums.buckets()

    def _in_ledger(self, sums: "_Sums") -> set[str]:
        """The ids of rows from the time of these events: none, as a rule."""
        if not sums.waiting and not sums.open:
            return set()
        rows = UsageEventRow.objects.using(self._using).filter(
            at__gte=datetime.fromtimestamp(sums.first_at - ROUNDING_S, UTC),
            at__lte=datetime.fromtimestamp(sums.last_at + ROUNDING_S, UTC),
        )
        return {pk.hex for pk in rows.values_list("pk", flat=True).iterator()}


class _Sums:
    """Usage by minute. `known`: ids that are counted elsewhere; with `doubles`, those that are counted here join them."""

    def __init__(self, clients_since: float, known: set[str] | None = None, *, doubles: bool) -> None:
        self.doubles = doubles
        self.client_usage = ClientUsage()
        self._clients_since = clients_since
        self.open: dict[str, Spent] = {}
        self.waiting = 0
        self.first_at = self.oldest_at = inf
        self.last_at = -inf
        self._known = known or set()
        self._by_key: dict[tuple[int, str, str, float], list[float]] = {}
        self._charged: dict[tuple[int, str, str, float], Counter[str]] = {}

    def add(self, events: Iterable[Spent]) -> None:  # noqa: C901 - one loop, for its speed
        """Count those that ended; keep those that are open until they do. Half a million of them delay a start by half a second."""
        open_, known, by_key, doubles = self.open, self._known, self._by_key, self.doubles
        charged = self._charged
        first_at, last_at, oldest_at = self.first_at, self.last_at, self.oldest_at
        clients_since = self._clients_since
        for event in events:
            at = event.at
            if at < first_at:
                first_at = at
            if at > last_at:
                last_at = at
            if event.outcome == "interrupted" or event.is_open:
                open_[event.id] = event
                continue
            open_.pop(event.id, None)
            self.waiting += 1
            ended_at = at + (event.latency_ms or 0.0) / 1000
            if ended_at < oldest_at:
                oldest_at = ended_at
            if event.id in known or event.outcome == REFUSED:
                continue
            if doubles:
                known.add(event.id)
            if at >= clients_since and event.client_id is not None:
                tokens = event.prompt_tokens + event.completion_tokens
                self.client_usage.note(event.client_id, event.request_id, at, tokens)
            key = (event.user_id, event.provider, event.model, at // MINUTE_S)
            sums = by_key.get(key)
            if sums is None:
                sums = by_key[key] = [at, 0, 0, 0]
            if at > sums[0]:
                sums[0] = at
            sums[1] += 1
            sums[2] += event.prompt_tokens
            sums[3] += event.completion_tokens
            if event.charged:
                charged.setdefault(key, Counter()).update(event.charged)
        self.first_at, self.last_at, self.oldest_at = first_at, last_at, oldest_at

    def close(self) -> None:
        """No more events: what is still open stands as it is. What never ended stays charged with what it reserved."""
        as_they_stand = [
            replace(
                event, outcome="error" if event.outcome == "interrupted" else event.outcome, is_open=False
            )
            for event in self.open.values()
        ]
        self.open = {}
        self.add(as_they_stand)

    def buckets(self) -> list[BucketUsage]:
        return [
            BucketUsage(
                *(*key[:3], at, int(requests), int(prompt), int(completion)),
                self._charged.get(key, NOTHING),
            )
            for key, (at, requests, prompt, completion) in self._by_key.items()
        ]


def _size(segment: Path) -> int:
    """0 for one that is gone. Raises OSError."""
    try:
        return segment.stat().st_size
    except FileNotFoundError:
        return 0


read_spent = Reader(Spent, keeps=False).read
