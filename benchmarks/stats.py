"""The arithmetic of the figures. Pure."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed (nearest rank); NaN for no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def middle(values: Sequence[float]) -> float:
    """The median; NaN for no values."""
    return median(values) if values else math.nan


def ratio(value: float, base: float | None) -> float:
    """`value` / `base`; NaN where there is nothing to divide by."""
    return value / base if base else math.nan


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median of other / reference over (reference, other) pairs: each pair saw the same noise of the machine."""
    return middle([ratio(other, reference) for reference, other in pairs])


def slope(short: tuple[float, float], long: tuple[float, float]) -> float:
    """The cost of one more frame, from the (frames, cost) of a short and a long stream: what a request costs drops out."""
    return (long[1] - short[1]) / (long[0] - short[0])


def recovery_s(probes: Sequence[tuple[float, float]], normal_s: float) -> float:
    """Seconds after the load stopped until an answer came as fast as normally; inf if none did.

    `probes`: (seconds since the load stopped, latency in seconds) of single requests in order. As fast as normally: within twice
    `normal_s`, or 2 ms more, so that a hiccup of the machine does not count.
    """
    fast_enough_s = max(2 * normal_s, normal_s + 0.002)
    return next((at for at, latency_s in probes if latency_s <= fast_enough_s), math.inf)
