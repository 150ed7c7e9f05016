"""One timer for all, on a clock that a test moves."""

from math import inf

import pytest

from apps.providers.http.deadlines import GRANULARITY_S, Deadlines


class Clock:
    """An event loop that has nothing but a time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at, act):
        timer = Timer(at, act)
        self.timers.append(timer)
        return timer

    @property
    def pending(self) -> list[float]:
        return [timer.at for timer in self.timers if not timer.is_over]

    def move(self, now: float) -> None:
        """All that falls due up to then."""
        while due := [timer for timer in self.timers if not timer.is_over and timer.at <= now]:
            first = min(due, key=lambda timer: timer.at)
            first.is_over, self.now = True, max(self.now, first.at)
            first.act()
        self.now = now


class Timer:
    def __init__(self, at, act) -> None:
        self.at, self.act, self.is_over = at, act, False

    def cancel(self) -> None:
        self.is_over = True


class One:
    """Notes when it expired."""

    def __init__(self, clock, deadlines, deadline) -> None:
        self.deadline = deadline
        self.expired: list[float] = []
        self._clock, self._deadlines = clock, deadlines
        deadlines.watch(self)

    def move(self, deadline) -> None:
        self.deadline = deadline
        self._deadlines.sooner(deadline)

    def expire(self) -> None:
        self.expired.append(self._clock.now)
        self._deadlines.forget(self)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deadlines(clock):
    return Deadlines(clock)


def test_each_ends_at_its_time_and_once(clock, deadlines):
    ones = [One(clock, deadlines, at) for at in (5.0, 3.0, 9.0)]

    clock.move(20.0)

    assert [one.expired for one in ones] == [[5.0], [3.0], [9.0]]
    assert clock.pending == []


def test_who_hears_something_in_time_goes_on(clock, deadlines):
    one = One(clock, deadlines, 3.0)
    for at in range(1, 10):
        clock.move(float(at))
        one.move(at + 3.0)

    assert one.expired == []
    clock.move(30.0)
    assert one.expired == [12.0]


def test_a_read_makes_no_timer(clock, deadlines):
    one = One(clock, deadlines, 3.0)
    for _ in range(1000):
        one.move(clock.now + 3.0)

    assert len(clock.timers) == 1


def test_a_nearer_end_moves_the_timer(clock, deadlines):
    one, other = One(clock, deadlines, 60.0), One(clock, deadlines, 60.0)
    other.move(2.0)

    clock.move(2.0)

    assert (one.expired, other.expired) == ([], [2.0])


def test_who_has_no_end_is_not_looked_at(clock, deadlines):
    one = One(clock, deadlines, 3.0)
    one.deadline = inf

    clock.move(100.0)

    assert (one.expired, clock.pending) == ([], [])


def test_many_ends_are_looked_at_together(clock, deadlines):
    ones = [One(clock, deadlines, 1 + number / 10_000) for number in range(1000)]

    clock.move(2.0)

    assert all(0 <= one.expired[0] - one.deadline <= GRANULARITY_S for one in ones)
    assert len(clock.timers) < 12


def test_nobody_left_is_no_timer(clock, deadlines):
    one = One(clock, deadlines, 3.0)
    deadlines.forget(one)
    deadlines.forget(one)

    assert clock.pending == []
