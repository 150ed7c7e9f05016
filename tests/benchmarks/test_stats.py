"""The arithmetic of the benchmark's figures."""

import math

import pytest

from benchmarks.stats import median_ratio, middle, percentile, ratio, recovery_s, slope


def test_percentile_is_the_nearest_rank():
    values = [float(value) for value in range(100, 0, -1)]

    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100


def test_percentile_of_one_value_is_that_value():
    assert percentile([7.0], 0.01) == 7.0
    assert percentile([7.0], 0.99) == 7.0


def test_nothing_measured_is_not_a_number():
    assert math.isnan(percentile([], 0.5))
    assert math.isnan(middle([]))


@pytest.mark.parametrize("base", [0.0, None])
def test_ratio_to_nothing_is_not_a_number(base):
    assert math.isnan(ratio(3.0, base))


def test_median_ratio_compares_within_pairs_so_that_drift_drops_out():
    drifting = [(1.0, 1.1), (2.0, 2.2), (4.0, 4.4)]

    assert median_ratio(drifting) == pytest.approx(1.1)


def test_slope_leaves_out_what_a_request_costs():
    request_us, frame_us = 300.0, 8.0

    cost = slope((1, request_us + frame_us), (400, request_us + 400 * frame_us))

    assert cost == pytest.approx(frame_us)


def test_recovered_at_the_first_answer_that_is_as_fast_as_normally():
    probes = [(0.13, 0.13), (0.15, 0.02), (0.153, 0.003), (0.155, 0.002)]

    assert recovery_s(probes, normal_s=0.001) == 0.153


def test_never_recovered_when_all_answers_stay_slow():
    assert recovery_s([(0.1, 0.1), (0.2, 0.1)], normal_s=0.001) == math.inf
    assert recovery_s([], normal_s=0.001) == math.inf
