"""What time it is upstream, by the dates of its answers."""

import random
from email.utils import formatdate

import pytest

from apps.core.state.contract import Skew
from apps.providers import clocks
from apps.providers.clocks import Clocks

NOON = 1_768_478_400.0


def hear(known: Clocks, ahead_s: float, answers: int, seed: int = 1) -> Skew:
    """What is known after so many answers, one in seven seconds, of an upstream that is so far ahead."""
    chance, latest = random.Random(seed), Skew()
    for number in range(answers):
        sent_at = NOON + number * 7.3
        told_at = sent_at + chance.uniform(0.1, 3.0)
        date = formatdate(told_at + ahead_s, usegmt=True)
        latest = known.heard("groq", date, sent_at, told_at + chance.uniform(0.01, 0.3)) or latest
    return latest


@pytest.mark.parametrize("ahead_s", [-20.0, -2.0, -1.5, 1.5, 2.0, 30.0])
def test_a_clock_that_differs_is_known_after_a_few_answers(ahead_s: float) -> None:
    found = hear(Clocks(), ahead_s, 40)

    assert abs(found.ahead_s - ahead_s) <= 0.35
    assert abs(found.ahead_s - ahead_s) <= found.doubt_s + 0.1


@pytest.mark.parametrize("ahead_s", [-0.1, 0.0, 0.1])
def test_a_clock_that_is_right_is_taken_to_be(ahead_s: float) -> None:
    assert hear(Clocks(), ahead_s, 200) == Skew()


def test_a_clock_that_is_put_right_is_believed() -> None:
    known = Clocks()
    hear(known, 20.0, 20)

    assert hear(known, 0.0, 40) == Skew()


@pytest.mark.parametrize(
    "date", [None, "", "soon", "Thu, 99 Jan 2026 99:99:99 GMT", "x" * 10_000, formatdate(0.0), "\x00"]
)
def test_what_is_no_time_says_nothing(date: str | None) -> None:
    assert Clocks().heard("groq", date, NOON, NOON) is None


def test_an_upstream_is_not_listened_to_more_often_than_every_few_seconds() -> None:
    known = Clocks()
    assert known.heard("groq", formatdate(NOON + 10), NOON, NOON) is not None

    assert known.heard("groq", formatdate(NOON + 30), NOON + 1, NOON + 1) is None


def test_remembers_no_more_upstreams_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "MOST_UPSTREAMS", 2)
    known = Clocks()
    for name in ("a", "b", "c"):
        known.heard(name, formatdate(NOON + 10), NOON, NOON)

    assert known.heard("a", formatdate(NOON + 10), NOON + 1, NOON + 1) is not None
    assert known.heard("c", formatdate(NOON + 30), NOON + 1, NOON + 1) is None


def test_a_date_that_says_nothing_is_not_read_again_with_each_answer() -> None:
    known = Clocks()
    known.heard("groq", formatdate(0.0), NOON, NOON)

    assert known.heard("groq", formatdate(NOON + 10), NOON + 1, NOON + 1) is None
    assert known.heard("groq", formatdate(NOON + 16), NOON + 6, NOON + 6) is not None
