"""What is counted of usage events: one set of measures, whether they come from the events or from rollups of them.

All are whole numbers, and add up to the same in any order.
"""

from collections.abc import Iterable
from operator import add
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple, replace

from apps.analytics.rollup import sketch
from apps.analytics.rollup.sketch import Histogram


class Measures(Struct, frozen=True):
    """Sums over events. An attempt is an upstream call; a request is what a client sent, counted by the event with which it ended.

    `fallbacks`: requests that ended behind their first candidate, `rescues` those of them that were answered. `cost_unknown`,
    `saved_unknown`: attempts whose price nobody knows. `latency_us`: the sum of what `latency` counts. `positions`: requests by the place
    in the fallback chain where they ended, as a histogram of places.
    """

    attempts: int = 0
    attempt_successes: int = 0
    attempt_cancellations: int = 0
    attempt_fallbacks: int = 0
    requests: int = 0
    successes: int = 0
    cancellations: int = 0
    refusals: int = 0
    fallbacks: int = 0
    rescues: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_microusd: int = 0
    saved_microusd: int = 0
    cost_unknown: int = 0
    saved_unknown: int = 0
    latency_us: int = 0
    latency: Histogram = 0
    ttfb: Histogram = 0
    positions: Histogram = 0

    def __add__(self, other: "Measures") -> "Measures":
        return Measures(*map(add, astuple(self), astuple(other)))

    def untimed(self) -> "Measures":
        """Without durations."""
        return replace(self, latency_us=0, latency=0, ttfb=0)


def summed(many: Iterable[Measures]) -> Measures:
    """All of them, at a third of the price of one after the other."""
    return Measures(*map(sum, zip(*map(astuple, many), strict=True)))


NOTHING: Final = Measures()
HISTOGRAMS: Final = 3  # the last fields


class Stored(Struct, frozen=True, array_like=True):
    """Measures as msgpack has them. `sums`: in the order of the fields; a measure that comes later goes behind the others, and is 0 in what
    was stored before. The histograms as `sketch.pack` makes them."""

    sums: tuple[int, ...]
    latency: bytes = b""
    ttfb: bytes = b""
    positions: bytes = b""

    @classmethod
    def of(cls, measures: Measures) -> "Stored":
        """To be stored."""
        *sums, latency, ttfb, positions = astuple(measures)
        return cls(tuple(sums), sketch.pack(latency), sketch.pack(ttfb), sketch.pack(positions))

    def measures(self, *, of_bucket: bool = False) -> Measures:
        """What was stored; `of_bucket`, of durations no more than whole latencies. Raises ValueError, struct.error."""
        ttfb, positions = (b"", b"") if of_bucket else (self.ttfb, self.positions)
        histograms = (sketch.unpack(self.latency), sketch.unpack(ttfb), sketch.unpack(positions))
        values = (*self.sums, *_MISSING[len(self.sums) :], *histograms)
        return Measures(*values)


_MISSING: Final = (0,) * (len(Measures.__struct_fields__) - HISTOGRAMS)
