"""Plain counts of the request path, poured into the metrics before those are read.

prometheus-client takes a lock and makes its checks for every number, and a request has ten of them. Where several processes count
(`shared_metrics`), each number goes at once to the file that all see, so that a kill loses none. All belongs to the event loop's thread.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from apps.analytics import shared_metrics

MOST_WAITING: Final = 1000
"""Label sets of one metric that nobody has read; then they are poured, and bounded where they go."""

Labels = tuple[str, ...]


class Tally(ABC):
    """What is poured."""

    def __init__(self) -> None:
        self._is_shared = shared_metrics.is_shared()
        _pouring.tallies.append(self)

    @abstractmethod
    def pour(self) -> None:
        """Into its metric."""


class _Pouring(Collector):
    """First of all that a scrape asks: it has nothing of its own to say."""

    def __init__(self) -> None:
        self.tallies: list[Tally] = []

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for tally in self.tallies:
            tally.pour()
        return ()


_pouring = _Pouring()
REGISTRY.register(_pouring)


class Sums(Tally):
    """Of a counter, by its labels."""

    def __init__(self, children: Mapping[Labels, Counter]) -> None:
        self._children = children
        self._sums: dict[Labels, float] = {}
        super().__init__()

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        """Raises ValueError, TypeError, OverflowError for what no counter takes."""
        if self._is_shared:
            self._children[labels].inc(amount)
            return
        amount = float(amount)
        if amount < 0:
            raise ValueError("Counters can only be incremented.")
        sums = self._sums
        if labels in sums:
            sums[labels] += amount
            return
        if len(sums) >= MOST_WAITING:
            self.pour()
        self._sums[labels] = amount

    def pour(self) -> None:
        """See Tally."""
        sums, self._sums = self._sums, {}
        for labels, amount in sums.items():
            self._children[labels].inc(amount)


class Spreads(Tally):
    """Of a histogram, by its labels: how many observations each bucket has, and behind those their sum."""

    def __init__(self, children: Mapping[Labels, Histogram], bounds: tuple[float, ...]) -> None:
        self._children = children
        self._bounds = bounds
        self._spreads: dict[Labels, list[float]] = {}
        super().__init__()

    def observe(self, labels: Labels, amount: float) -> None:
        """Raises TypeError for what is no number."""
        if self._is_shared:
            self._children[labels].observe(amount)
            return
        spread = self._spreads.get(labels)
        if spread is None:
            if len(self._spreads) >= MOST_WAITING:
                self.pour()
            spread = self._spreads[labels] = [0.0] * (len(self._bounds) + 2)
        spread[bisect_left(self._bounds, amount)] += 1
        spread[-1] += amount

    def pour(self) -> None:
        """See Tally. The library has a call for one observation only."""
        spreads, self._spreads = self._spreads, {}
        for labels, (*counts, total) in spreads.items():
            child = self._children[labels]
            child._sum.inc(total)
            for bucket, count in zip(child._buckets, counts, strict=True):
                if count:
                    bucket.inc(count)


class Level(Tally):
    """Of a gauge without labels, what goes up and down."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._moved = 0
        super().__init__()

    def move(self, by: int) -> None:
        """Up, or down."""
        if self._is_shared:
            self._gauge.inc(by)
        else:
            self._moved += by

    def pour(self) -> None:
        """See Tally."""
        moved, self._moved = self._moved, 0
        self._gauge.inc(moved)
