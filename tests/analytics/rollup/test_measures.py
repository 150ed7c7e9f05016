"""Sums that add up in any order, and come back as they were stored."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from apps.analytics.rollup.measures import NOTHING, Measures, Stored

counts = st.integers(0, 2**40)
histograms = st.dictionaries(st.integers(0, 300), st.integers(1, 2**30), max_size=5).map(
    lambda digits: sum(count << 64 * index for index, count in digits.items())
)
FIELDS = Measures.__struct_fields__
measures = st.builds(Measures, **{name: histograms if name in FIELDS[-3:] else counts for name in FIELDS})


@given(st.permutations([*range(6)]), st.lists(measures, min_size=6, max_size=6))
def test_the_order_in_which_they_are_added_changes_nothing(order, parts):
    assert sum([parts[index] for index in order], NOTHING) == sum(parts, NOTHING)


@given(measures)
def test_what_is_stored_comes_back(one):
    stored = msgspec.msgpack.encode(Stored.of(one))

    assert msgspec.msgpack.decode(stored, type=Stored).measures() == one


def test_what_was_stored_before_there_was_a_measure_has_none_of_it():
    earlier = Stored((5, 4), *[b""] * 3)

    assert earlier.measures() == Measures(attempts=5, attempt_successes=4)


def test_without_durations_all_the_counts_stay():
    one = Measures(*range(1, len(FIELDS) + 1))

    gone = [name for name, value in zip(FIELDS, astuple(one.untimed()), strict=True) if not value]

    assert gone == ["latency_us", "latency", "ttfb"]
