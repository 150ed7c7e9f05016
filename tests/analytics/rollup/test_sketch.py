"""Percentiles of merged histograms beside those of all values at once."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.rollup import sketch

latencies_ms = st.floats(min_value=0.1, max_value=1e8)
percents = st.integers(1, 100)


def brute_force(values: list[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed."""
    return sorted(values)[max(0, math.ceil(Fraction(percent * len(values), 100)) - 1)]


@given(st.lists(latencies_ms, min_size=1), st.lists(percents, min_size=1))
def test_a_percentile_is_right_to_one_percent(values, asked):
    found = list(sketch.percentiles(sketch.histogram(values), asked))

    assert len(found) == len(asked)
    for percent, value in zip(asked, found, strict=True):
        assert value is not None
        assert abs(value - brute_force(values, percent)) <= 0.01 * brute_force(values, percent)


@given(st.lists(st.lists(latencies_ms)))
def test_adding_up_parts_is_as_good_as_counting_all_at_once(parts):
    assert sum(map(sketch.histogram, parts)) == sketch.histogram([value for part in parts for value in part])


@given(st.lists(latencies_ms), st.integers(1, 2**40))
def test_what_is_stored_comes_back(values, times):
    counts = times * sketch.histogram(values)

    assert sketch.unpack(sketch.pack(counts)) == counts
    assert sketch.size(counts) == times * len(values)


def test_nothing_has_no_percentile_and_takes_no_space():
    assert list(sketch.percentiles(0, [50, 99])) == [None, None]
    assert sketch.pack(0) == b""


def test_what_no_clock_can_have_measured_has_a_place_too():
    odd = [0.0, -5.0, 1e300, math.inf]

    counts = sketch.histogram([*odd, math.nan])

    assert sketch.size(counts) == len(odd)
    assert list(sketch.percentiles(counts, [50, 100])) == [
        pytest.approx(0.1, rel=0.01),
        pytest.approx(1e8, rel=0.01),
    ]
