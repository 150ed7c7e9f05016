"""What a soak makes of what it saw."""

from collections import Counter

import pytest

from apps.gateway.attempts import conversations
from apps.strategies.reading import memory
from benchmarks.soak.judging import FILLED, Sample, drift, filled, settled, slope, verdicts

CALM = [Sample(float(at), 1000 * at, 90.0, 4.0) for at in range(40)]


def unmet(samples=CALM, seen=(), log=(), ledger=()) -> list[str]:
    return [each.label for each in verdicts(samples, Counter(seen), log, ledger) if not each.is_met]


def test_a_gateway_that_stays_as_it_was_has_every_bound_met():
    assert unmet(seen=["chat ok", "mistake refused", "chat unserved"]) == []


def test_memory_is_told_by_ten_thousand_requests_and_without_the_warm_up():
    grown = [Sample(float(at), 1000 * at, 50.0 + 5 * min(at, 10) + 0.2 * at, 4.0) for at in range(40)]

    assert slope(settled(grown)) == pytest.approx(2.0)
    assert unmet(grown) == ["memory, MiB per 10,000 requests after warm-up"]


@pytest.mark.parametrize(("requests", "is_met"), [(1000, True), (100, False)])
def test_memory_that_fills_is_told_from_memory_that_grows_where_there_was_the_time(
    requests: int, is_met: bool
):
    samples = [
        Sample(float(at), requests * at, 90.0 + min(requests * at, FILLED) / 5000, 4.0) for at in range(40)
    ]

    assert (slope(filled(settled(samples))) < 0.01) is is_met
    assert (unmet(samples) == []) is is_met


def test_what_is_remembered_of_requests_is_full_by_then():
    assert max(conversations.MOST, memory.MOST_KEPT) <= FILLED / 2


def test_a_latency_that_grows_is_told():
    slower = [each._replace(latency_ms=4.0 + each.at_s) for each in CALM]

    first_ms, last_ms = drift(settled(slower))

    assert (first_ms, last_ms) == pytest.approx((17.5, 40.0), abs=1.5)
    assert unmet(slower) == ["latency at the end / after warm-up, ms"]


@pytest.mark.parametrize(
    ("seen", "label"),
    [
        ({"seen": ["chat failed: 500"]}, "requests that failed by our fault"),
        ({"log": ["Traceback"]}, "unhandled exceptions in the log"),
        ({"ledger": ["attempts: 3 more"]}, "differences in the ledger"),
    ],
)
def test_whatever_failed_is_told(seen, label):
    assert unmet(**seen) == [label]


@pytest.mark.parametrize("samples", [[], CALM[:1]])
def test_a_soak_of_no_length_says_nothing_wrong(samples):
    assert unmet(samples) == []
