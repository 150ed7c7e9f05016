"""What a soak says, of what was seen. Pure."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

PER: Final = 10_000
SLOPE_MIB: Final = 1.0
DRIFT: Final = 1.5
SLACK_MS: Final = 5.0
"""What a machine that does something else meanwhile adds to a latency of a few milliseconds."""
WARM_UP: Final = 0.25
"""Of the time: pools fill, caches and the allocator find their size."""
FILLED: Final = 16_384
"""Requests behind which what is remembered of each has its size, where memory counts from: 8,192 conversations and as many texts that were
read, and of two requests one at least is a conversation that nobody has had before."""
FEWEST: Final = 4


class Sample(NamedTuple):
    """The gateway at one moment. `at_s`: since the start; `requests`: so far; `mib`: resident; `latency_ms`: of one beside the others."""

    at_s: float
    requests: int
    mib: float
    latency_ms: float


class Verdict(NamedTuple):
    """A line of the report."""

    label: str
    measured: str
    bound: str
    is_met: bool


def verdicts(
    samples: Sequence[Sample], seen: Counter[str], log: Sequence[str], ledger: Sequence[str]
) -> list[Verdict]:
    """All of them. `log`: lines that tell of an exception; `ledger`: differences."""
    failed = {end: count for end, count in seen.items() if "failed" in end}
    warm = settled(samples)
    growth, (first, last) = slope(filled(warm)), drift(warm)
    return [
        Verdict(
            "memory, MiB per 10,000 requests after warm-up",
            f"{growth:+.2f}",
            f"< {SLOPE_MIB:g}",
            growth < SLOPE_MIB,
        ),
        Verdict(
            "latency at the end / after warm-up, ms",
            f"{last:.1f} / {first:.1f}",
            f"<= {DRIFT:g} x, or {SLACK_MS:g} more",
            last <= max(DRIFT * first, first + SLACK_MS),
        ),
        Verdict("requests that failed by our fault", str(sum(failed.values())), "0", not failed),
        Verdict("unhandled exceptions in the log", str(len(log)), "0", not log),
        Verdict("differences in the ledger", str(len(ledger)), "0", not ledger),
    ]


def settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those after the warm-up; all, where they are few."""
    if not samples:
        return samples
    warm = [each for each in samples if each.at_s >= WARM_UP * samples[-1].at_s]
    return warm if len(warm) >= FEWEST else samples


def filled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those behind FILLED; all, where they are few: a soak that is too short to tell growth from what fills is not let off."""
    full = [each for each in samples if each.requests >= FILLED]
    return full if len(full) >= FEWEST else samples


def slope(samples: Sequence[Sample]) -> float:
    """MiB per 10,000 requests, by least squares; 0 where there is nothing to compare."""
    if len({each.requests for each in samples}) < 2:
        return 0.0
    mean_x = sum(each.requests for each in samples) / len(samples)
    mean_y = sum(each.mib for each in samples) / len(samples)
    above = sum((each.requests - mean_x) * (each.mib - mean_y) for each in samples)
    return above / sum((each.requests - mean_x) ** 2 for each in samples) * PER


def drift(samples: Sequence[Sample]) -> tuple[float, float]:
    """Medians of the latency in the first and in the last quarter, ms."""
    quarter = max(1, len(samples) // 4)
    took = [each.latency_ms for each in samples] or [0.0]
    return median(took[:quarter]), median(took[-quarter:])
