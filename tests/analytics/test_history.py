from datetime import UTC, datetime, timedelta

from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.analytics.history import client_totals_since, client_usage_since, usage_since
from apps.analytics.rollup.spent import BucketUsage
from apps.analytics.upsert import upsert
from tests.analytics.conftest import Ledger
from tests.analytics.examples import begun, ended, refused

NOW = datetime(2026, 3, 1, 12, 30, 30, tzinfo=UTC)


def at(**back: float) -> float:
    return (NOW - timedelta(**back)).timestamp()


def used(ledger: Ledger) -> list[BucketUsage]:
    """By time, oldest first."""
    found = usage_since(at(days=31), NOW.timestamp(), using=ledger.alias)
    return sorted(found, key=lambda bucket: bucket.at)


def record(ledger: Ledger, *events) -> None:
    upsert(events, ledger.alias)


def test_recent_usage_is_summed_by_minute(ledger: Ledger):
    record(
        ledger,
        ended(at=at(seconds=20), prompt_tokens=10, completion_tokens=1),
        ended(at=at(seconds=5), prompt_tokens=20, completion_tokens=2),
        ended(at=at(seconds=45), prompt_tokens=40),
    )

    buckets = used(ledger)

    assert [(bucket.at, bucket.requests, bucket.tokens) for bucket in buckets] == [
        (at(seconds=45), 1, 40),
        (at(seconds=5), 2, 33),
    ]


def test_older_usage_is_summed_by_day_and_dated_by_its_latest_attempt(ledger: Ledger):
    record(ledger, ended(at=at(days=3)), ended(at=at(days=3, hours=-2)), ended(at=at(days=4)))

    buckets = used(ledger)

    assert [(bucket.at, bucket.requests) for bucket in buckets] == [
        (at(days=4), 1),
        (at(days=3, hours=-2), 2),
    ]


def test_users_providers_and_models_are_kept_apart(ledger: Ledger):
    variations: list[dict] = [{}, {"user_id": 2}, {"provider": "mistral"}, {"model": "other"}]
    record(ledger, *(ended(at=at(seconds=1), **fields) for fields in variations))

    buckets = used(ledger)

    assert {(bucket.user_id, bucket.provider, bucket.model) for bucket in buckets} == {
        (1, "groq", "llama-3.3-70b-versatile"),
        (2, "groq", "llama-3.3-70b-versatile"),
        (1, "mistral", "llama-3.3-70b-versatile"),
        (1, "groq", "other"),
    }


def test_nothing_is_missed_or_doubled_where_days_meet_minutes(ledger: Ledger):
    edge = datetime(2026, 2, 28, 11, 30, tzinfo=UTC).timestamp()
    record(ledger, *(ended(at=edge + offset) for offset in (-60, -0.001, 0, 0.001, 60)))

    assert sum(bucket.requests for bucket in used(ledger)) == 5


def test_interrupted_attempts_and_refused_connections_count(ledger: Ledger):
    record(
        ledger,
        begun(at=at(seconds=1), prompt_tokens=100),
        ended(at=at(seconds=2), outcome="error", error_kind="network", upstream_status=None, prompt_tokens=0),
    )

    (bucket,) = used(ledger)

    assert (bucket.requests, bucket.tokens) == (2, 100)


def test_reads_back_to_the_very_moment(ledger: Ledger):
    record(ledger, ended(at=at(days=31)), ended(at=at(days=31) - 0.01))

    assert [bucket.at for bucket in used(ledger)] == [at(days=31)]


def test_older_usage_is_read_of_those_who_count_it_only(ledger: Ledger):
    for provider in ("groq", "cohere"):
        record(ledger, ended(provider=provider, at=at(hours=1)), ended(provider=provider, at=at(days=3)))

    buckets = usage_since(at(hours=25), NOW.timestamp(), longer={"cohere": at(days=5)}, using=ledger.alias)

    assert sorted((bucket.provider, bucket.at) for bucket in buckets) == [
        ("cohere", at(days=3)),
        ("cohere", at(hours=1)),
        ("groq", at(hours=1)),
    ]


def test_an_hour_and_more_ago_half_an_hour_is_one(ledger: Ledger):
    record(ledger, *(ended(at=at(hours=3, minutes=minutes)) for minutes in (1, 7, 29)))

    assert [(bucket.requests, bucket.at) for bucket in used(ledger)] == [(3, at(hours=3, minutes=1))]


def test_what_a_clock_that_was_ahead_wrote_counts(ledger: Ledger):
    record(ledger, ended(at=at(hours=-2)))

    assert [bucket.requests for bucket in used(ledger)] == [1]


def test_as_many_queries_however_much_there_is(ledger: Ledger):
    record(ledger, *(ended(at=at(hours=hours), user_id=hours) for hours in range(200)))

    with CaptureQueriesContext(connections[ledger.alias]) as queries:
        buckets = used(ledger)

    assert len(buckets) == 200
    assert len(queries) < 200


def test_what_else_was_charged_is_told_of_those_who_count_it(ledger: Ledger):
    moment = at(minutes=2)
    upsert(
        [
            ended(at=moment, charged={"audio_seconds": 30}),
            ended(at=moment, charged={"audio_seconds": 30}),
            ended(at=moment, charged={"audio_seconds": 5, "money": 2}),
            ended(at=moment),
            ended(at=moment, provider="cohere", charged={"inputs": 9}),
        ],
        ledger.alias,
    )

    found = usage_since(at(minutes=5), NOW.timestamp(), metered={"groq"}, using=ledger.alias)

    buckets = {bucket.provider: bucket for bucket in found}
    assert buckets["groq"].requests == 4
    assert buckets["groq"].charged == {"audio_seconds": 65, "money": 2}
    assert buckets["cohere"].charged == {}


def test_all_of_the_past_is_as_long_as_the_ledger(ledger: Ledger, django_assert_max_num_queries):
    """A window that never ends reads from the first event on, and not from 1970."""
    upsert([ended(at=at(days=40)), ended(at=at(minutes=1))], ledger.alias)

    with django_assert_max_num_queries(170, connection=connections[ledger.alias]):
        found = list(usage_since(at(hours=25), NOW.timestamp(), longer={"groq": 0.0}, using=ledger.alias))

    assert sum(bucket.requests for bucket in found) == 2


def test_a_refusal_took_nothing_of_any_quota(ledger: Ledger):
    record(
        ledger, ended(at=at(seconds=2), client_id=4), refused(at=at(seconds=1), client_id=4, stands_for=50)
    )

    assert [(bucket.provider, bucket.requests) for bucket in used(ledger)] == [("groq", 1)]
    assert len(client_usage_since(at(hours=1), using=ledger.alias).requests) == 1
    totals = client_totals_since(at(hours=1), using=ledger.alias)
    assert [(total.client_id, total.requests) for total in totals] == [(4, 1)]
