"""What is read of a window: the same from events and from rollups, and what plain counting comes to."""

import math
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apps.analytics.events import UsageEvent
from apps.analytics.models import LedgerHorizon, UsageEventRow
from apps.analytics.reports.reading import Filters, Reading, read
from apps.analytics.reports.windows import of_days, of_seconds
from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import NOTHING, Measures
from apps.analytics.upsert import upsert
from tests.analytics.conftest import Ledger
from tests.analytics.examples import ended
from tests.analytics.rollup.events import NOW, ago, empty, events, roll_up_all

FEW = settings(max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate])
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland", "America/St_Johns")
filters = st.builds(
    Filters,
    user_id=st.sampled_from([None, None, 1]),
    client_ids=st.sampled_from([None, None, (7,), (7, 8)]),
    providers=st.sampled_from([None, None, ("alpha",), ("alpha", "beta")]),
    models=st.sampled_from([None, None, None, ("large",)]),
    strategies=st.sampled_from([None, None, None, ("auto",)]),
)
windows = st.one_of(
    st.builds(of_seconds, st.integers(60, 250_000), st.integers(1, 168), st.just(NOW)),
    st.builds(
        of_days,
        st.integers(1, 5),
        st.none() | st.integers(1, 5),
        st.sampled_from(ZONES).map(ZoneInfo),
        st.just(NOW),
    ),
)


def fits(event: UsageEvent, chosen: Filters) -> bool:
    had = (event.client_id, event.provider, event.model, event.strategy)
    wanted = (chosen.client_ids, chosen.providers, chosen.models, chosen.strategies)
    fitting = all(want is None or has in want for want, has in zip(wanted, had, strict=True))
    return fitting and chosen.user_id in (None, event.user_id)


def places(event: UsageEvent) -> list[tuple[str, str]]:
    found = [
        ("strategy", event.strategy),
        ("client", str(event.client_id or "")),
        ("outcome", event.outcome),
    ]
    if event.provider:
        found += [("provider", event.provider), ("model", event.model)]
    return found + [("error_kind", event.error_kind)] * bool(event.error_kind)


def counts(happened: list[UsageEvent]) -> dict[str, int]:
    """Some of the measures, by plain counting."""
    attempts = [event for event in happened if event.outcome != "refused"]
    last = [event for event in happened if event.is_last]
    return {
        "attempts": len(attempts),
        "attempt_successes": sum(event.outcome == "success" for event in attempts),
        "attempt_cancellations": sum(event.outcome == "cancelled" for event in attempts),
        "attempt_fallbacks": sum(event.fallback_position > 1 for event in attempts),
        "requests": sum(event.stands_for for event in last),
        "successes": sum(event.outcome == "success" for event in last),
        "cancellations": sum(event.outcome == "cancelled" for event in last),
        "refusals": sum(event.stands_for for event in last if event.outcome == "refused"),
        "fallbacks": sum(event.fallback_position > 1 for event in last),
        "rescues": sum(event.fallback_position > 1 and event.outcome == "success" for event in last),
        "prompt_tokens": sum(event.prompt_tokens for event in happened),
        "completion_tokens": sum(event.completion_tokens for event in happened),
        "cached_tokens": sum(event.cached_tokens for event in happened),
        "reasoning_tokens": sum(event.reasoning_tokens for event in happened),
        "cost_microusd": sum(event.cost_microusd or 0 for event in happened),
        "saved_microusd": sum(event.saved_microusd or 0 for event in happened),
        "cost_unknown": sum(event.cost_microusd is None for event in attempts),
        "saved_unknown": sum(event.saved_microusd is None for event in attempts),
    }


def check(measures: Measures, happened: list[UsageEvent], *, all_timed: bool = False) -> None:
    """Equal counts and sums, percentiles within 1 %."""
    expected = counts(happened)
    assert {name: getattr(measures, name) for name in expected} == expected
    timed = [event for event in happened if all_timed or event.outcome == "success"]
    latencies = [event.latency_ms for event in timed if event.latency_ms is not None]
    assert measures.latency_us == sum(round(value * 1000) for value in latencies)
    check_percentiles(measures.latency, latencies)
    if not all_timed and measures.ttfb:
        check_percentiles(measures.ttfb, [event.ttfb_ms for event in timed if event.ttfb_ms is not None])


def check_percentiles(histogram: int, values: list[float]) -> None:
    assert sketch.size(histogram) == len(values)
    percents = (1, 50, 95, 99, 100)
    for percent, found in zip(percents, sketch.percentiles(histogram, percents), strict=True):
        if values:
            rank = max(1, math.ceil(Fraction(percent * len(values), 100)))
            exact = max(sorted(values)[rank - 1], sketch.SHORTEST_MS)
            assert found is not None
            assert abs(found - exact) <= 0.01 * exact


def check_all(reading: Reading, happened: list[UsageEvent]) -> None:
    bounds = [bound.timestamp() for bound in reading.bounds]
    within = [event for event in happened if bounds[0] <= event.at < bounds[-1]]
    check(reading.whole.total, within)
    by_place: dict[str, dict[str, list[UsageEvent]]] = defaultdict(lambda: defaultdict(list))
    for event in within:
        for dimension, key in places(event):
            by_place[dimension][key].append(event)
    assert {name: set(rows) for name, rows in reading.whole.parts.items()} == {
        name: set(rows) for name, rows in by_place.items()
    }
    for dimension, rows in reading.whole.parts.items():
        for key, measures in rows.items():
            check(measures, by_place[dimension][key], all_timed=dimension in ("outcome", "error_kind"))
    for (start, end), measures in zip(pairwise(bounds), reading.buckets, strict=True):
        check(measures, [event for event in within if start <= event.at < end])


@FEW
@given(st.lists(events(4), max_size=30), st.lists(st.tuples(windows, filters), min_size=3, max_size=3))
def test_events_and_rollups_tell_the_same_and_the_truth(ledger: Ledger, happened, asked):
    empty(ledger)
    upsert(happened, ledger.alias)
    from_events = [read(window, chosen, ledger.alias) for window, chosen in asked]
    roll_up_all(ledger)

    from_rollups = [read(window, chosen, ledger.alias) for window, chosen in asked]

    for (_, chosen), before, after in zip(asked, from_events, from_rollups, strict=True):
        check_all(after, [event for event in happened if fits(event, chosen)])
        assert (after.bounds, after.buckets, after.whole) == (before.bounds, before.buckets, before.whole)
        assert before.source == "events"


DAYS = of_days(4, None, ZoneInfo("UTC"), NOW)


def test_whole_days_are_read_from_rollups_alone(ledger: Ledger):
    """Their events may be gone."""
    upsert([ended(at=ago(days=days, minutes=1)) for days in range(4)], ledger.alias)
    roll_up_all(ledger)
    UsageEventRow.objects.using(ledger.alias).filter(at__lt=datetime(2026, 3, 1, tzinfo=UTC)).delete()

    for chosen in (Filters(), Filters(user_id=1), Filters(providers=("groq",))):
        reading = read(DAYS, chosen, ledger.alias)

        assert [bucket.attempts for bucket in reading.buckets] == [1, 1, 1, 1]
        assert reading.source == "rollup"


@pytest.mark.parametrize("chosen", [Filters(), Filters(user_id=1), Filters(providers=("groq",))])
def test_what_was_written_since_is_told_before_it_is_rolled_up(ledger: Ledger, chosen):
    upsert([ended(at=ago(days=days, minutes=1)) for days in range(4)], ledger.alias)
    roll_up_all(ledger)

    upsert([ended(at=ago(days=2)), ended(at=ago(seconds=1))], ledger.alias)

    reading = read(DAYS, chosen, ledger.alias)
    assert [bucket.attempts for bucket in reading.buckets] == [1, 2, 1, 2]
    assert reading.whole.parts["provider"]["groq"].attempts == 6


def test_another_users_events_are_not_told(ledger: Ledger):
    upsert([ended(at=ago(days=1), user_id=2), ended(at=ago(seconds=1), user_id=2)], ledger.alias)

    for _ in ("from events", "from rollups"):
        reading = read(DAYS, Filters(user_id=1), ledger.alias)
        assert (reading.whole.total, reading.whole.parts) == (NOTHING, {})
        roll_up_all(ledger)


def test_an_event_on_a_bound_is_in_the_later_bucket(ledger: Ledger):
    window = of_seconds(7200, 2, NOW)
    upsert([ended(at=bound.timestamp()) for bound in window.bounds], ledger.alias)

    reading = read(window, Filters(), ledger.alias)

    assert [bucket.attempts for bucket in reading.buckets] == [1, 1]


def test_an_empty_ledger_says_nothing(ledger: Ledger):
    reading = read(DAYS, Filters(), ledger.alias)

    assert (reading.whole.total, reading.whole.parts, reading.source) == (NOTHING, {}, "events")


def test_a_clock_that_was_wrong_by_decades_makes_no_report_long(ledger: Ledger):
    """Days without an event are not asked for one by one."""
    upsert([ended(at=1.0), ended(at=ago(hours=1))], ledger.alias)
    window = of_days(730, None, ZoneInfo("UTC"), NOW)

    with CaptureQueriesContext(connections[ledger.alias]) as queries:
        reading = read(window, Filters(), ledger.alias)

    assert reading.whole.total.attempts == 1
    assert len(queries) < 20


def test_before_the_horizon_days_are_those_of_utc(ledger: Ledger):
    """Berlin's began an hour before, and nothing tells any more what happened in it."""
    upsert([ended(at=ago(days=days, minutes=1)) for days in range(4)], ledger.alias)
    roll_up_all(ledger)
    LedgerHorizon.objects.using(ledger.alias).create(day=datetime(2026, 2, 28).date())

    reading = read(of_days(4, None, ZoneInfo("Europe/Berlin"), NOW), Filters(), ledger.alias)

    starts = [(bound.day, bound.hour) for bound in reading.bounds[:-1]]
    assert starts == [(26, 0), (27, 0), (28, 0), (28, 23)]
    assert [bucket.attempts for bucket in reading.buckets] == [1, 1, 1, 1]


def test_before_the_horizon_no_bucket_is_empty_because_it_has_no_time(ledger: Ledger):
    """Of eight hours each, two of three would begin with the next one."""
    upsert([ended(at=ago(days=days, minutes=1)) for days in range(4)], ledger.alias)
    roll_up_all(ledger)
    LedgerHorizon.objects.using(ledger.alias).create(day=datetime(2026, 3, 1).date())

    reading = read(of_seconds(3 * 86_400, 9, datetime(2026, 3, 1, tzinfo=UTC)), Filters(), ledger.alias)

    assert [bound.day for bound in reading.bounds] == [26, 27, 28, 1]
    assert [bucket.attempts for bucket in reading.buckets] == [1, 1, 1]


@pytest.mark.parametrize(
    "until", ["2026-02-27T11:00", "2026-02-27T00:30", "2026-02-27T23:59", "2026-02-28T00:00"]
)
def test_before_the_horizon_an_hour_is_told_by_its_day(ledger: Ledger, until: str):
    """Rather than by no time at all, which would read as an hour without a request."""
    upsert([ended(at=ago(days=days, minutes=1)) for days in range(4)], ledger.alias)
    roll_up_all(ledger)
    LedgerHorizon.objects.using(ledger.alias).create(day=datetime(2026, 2, 28).date())

    reading = read(of_seconds(3_600, 4, datetime.fromisoformat(until + "Z")), Filters(), ledger.alias)

    assert [(bound.day, bound.hour) for bound in reading.bounds] == [(27, 0), (28, 0)]
    assert [bucket.attempts for bucket in reading.buckets] == [1]
