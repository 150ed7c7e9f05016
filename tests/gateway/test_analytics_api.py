"""GET /api/analytics and /api/me/analytics: shapes, counts of requests and attempts, filters, what is refused, and the table."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import AsyncClient
from rest_framework.test import APIClient

from apps.analytics.events import UsageEvent
from apps.analytics.rollup.pending import roll_up_pending
from apps.analytics.upsert import upsert
from apps.clients import keys
from apps.clients.tokens import issue as issue_token
from apps.core import clock
from apps.core.ids import uuid7
from tests.analytics.examples import ended

pytestmark = pytest.mark.django_db
URL = "/api/analytics"
MINE = "/api/me/analytics"
NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC).timestamp()
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def ada() -> User:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def root() -> User:
    return get_user_model().objects.create_superuser("root")


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def api(root: User) -> APIClient:
    return client_of(root)


def asked(api: APIClient, url: str = URL, **query: Any) -> dict[str, Any]:
    answer = api.get(url, query)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def request(hours_ago: float = 1.0, **fields: Any) -> UsageEvent:
    """A request that was answered at once."""
    usual: dict[str, Any] = {
        "request_uuid": uuid7(),
        "is_last": True,
        "saved_microusd": 0,
        "cost_microusd": 0,
    }
    return ended(at=NOW - hours_ago * HOUR, **usual | fields)


def rows(answer: dict[str, Any], dimension: str, *figures: str) -> dict[str, list[Any]]:
    """By key, some figures of a break-down."""
    return {row[dimension]: [row[name] for name in figures] for row in answer[f"by_{dimension}"]}


def test_requests_and_attempts_are_both_told(api):
    retried = uuid7()
    upsert(
        [
            request(),
            request(
                provider="cerebras",
                is_last=False,
                request_uuid=retried,
                outcome="error",
                error_kind="network",
            ),
            request(fallback_position=2, request_uuid=retried),
            request(outcome="cancelled", latency_ms=None),
            request(
                provider="",
                model="freeai-fast",
                outcome="refused",
                error_kind="quota_exhausted",
                stands_for=6,
            ),
        ],
        "default",
    )

    answer = asked(api)

    told = {name: answer[name] for name in answer if name.endswith(("_calls", "_attempts", "_rate"))}
    assert told == {
        "total_calls": 9,
        "success_calls": 2,
        "failed_calls": 6,
        "cancelled_calls": 1,
        "refused_calls": 6,
        "fallback_calls": 1,
        "success_rate": 0.2222,
        "fallback_rate": 0.1111,
        "total_attempts": 4,
        "success_attempts": 2,
        "failed_attempts": 1,
        "cancelled_attempts": 1,
        "handed_on_attempts": 1,
        "attempt_success_rate": 0.5,
        "attempt_fallback_rate": 0.25,
        "cost_unknown_attempts": 0,
        "saved_unknown_attempts": 0,
    }
    assert rows(answer, "provider", "calls", "success", "attempts", "handed_on") == {
        "groq": [3, 2, 3, 0],
        "cerebras": [0, 0, 1, 1],
    }
    assert rows(answer, "outcome", "calls", "attempts") == {
        "refused": [6, 0],
        "success": [2, 2],
        "cancelled": [1, 1],
        "error": [0, 1],
    }
    assert rows(answer, "error_kind", "calls", "attempts") == {"quota_exhausted": [6, 0], "network": [0, 1]}
    assert answer["by_fallback_position"] == [{"position": 1, "calls": 2}, {"position": 2, "calls": 1}]


def test_an_answer_has_the_shape_that_front_ends_rely_on(api):
    upsert([request(strategy="auto", prompt_tokens=70, completion_tokens=30, latency_ms=200.0)], "default")

    answer = asked(api, window_seconds=86_400, bucket_count=24)

    [provider] = answer["by_provider"]
    assert provider["p95_latency_ms"] == pytest.approx(200, rel=0.01)
    wanted = {"provider": "groq", "calls": 1, "success": 1, "avg_latency_ms": 200.0, "tokens": 100}
    assert {name: provider[name] for name in wanted} == wanted
    for dimension in ("strategy", "client", "model"):
        [row] = answer[f"by_{dimension}"]
        assert {"calls", "success", "avg_latency_ms", "p95_latency_ms", "tokens", dimension} <= row.keys()
    assert (answer["window_seconds"], answer["source"], answer["total_tokens"]) == (86_400, "events", 100)
    buckets = answer["time_buckets"]
    assert [bucket["bucket_start"] for bucket in buckets] == [NOW - 86_400 + HOUR * n for n in range(24)]
    assert [bucket["calls"] for bucket in buckets] == [0] * 23 + [1]
    assert {"calls", "success", "tokens"} <= buckets[0].keys()


def test_a_window_is_a_day_in_24_buckets_unless_it_is_asked_for_otherwise(api):
    assert asked(api)["window_seconds"] == 86_400
    assert len(asked(api)["time_buckets"]) == 24
    assert asked(api, window_seconds=60, bucket_count=7)["window_seconds"] == 60
    assert len(asked(api, window_seconds=604_800, bucket_count=168)["time_buckets"]) == 168


def test_nothing_is_said_of_nothing(api):
    answer = asked(api)

    assert answer["total_calls"] == 0
    for unknown in ("success_rate", "fallback_rate", "p95_latency_ms", "p95_ttfb_ms", "avg_latency_ms"):
        assert answer[unknown] is None
    assert (answer["cost_usd"], answer["by_provider"]) == (0.0, [])


def test_money_is_null_where_nobody_knows_a_price_and_says_what_is_not_in_it(api):
    upsert([request(saved_microusd=None, model="a"), request(saved_microusd=None, model="a")], "default")
    assert asked(api)["saved_usd"] is None
    upsert([request(saved_microusd=2_500_000, model="b")], "default")

    answer = asked(api)

    assert (answer["saved_usd"], answer["saved_unknown_attempts"], answer["cost_usd"]) == (2.5, 2, 0.0)
    assert rows(answer, "model", "saved_usd", "saved_unknown_attempts") == {"a": [None, 2], "b": [2.5, 0]}


def test_durations_are_those_of_answers_and_in_rows_of_errors_theirs(api):
    failed: dict[str, Any] = {"outcome": "error", "error_kind": "network", "latency_ms": 60_000.0}
    upsert([request(latency_ms=100.0, ttfb_ms=10.0), request(**failed)], "default")

    answer = asked(api)

    assert answer["avg_latency_ms"] == 100
    assert answer["p99_latency_ms"] == pytest.approx(100, rel=0.01)
    assert answer["p50_ttfb_ms"] == pytest.approx(10, rel=0.01)
    [row] = answer["by_error_kind"]
    assert (row["avg_latency_ms"], row["p95_latency_ms"]) == (60_000, pytest.approx(60_000, rel=0.01))


def test_days_are_those_of_a_zone_and_come_from_rollups(api):
    """23:30 on the 26th in UTC is the 27th in Berlin."""
    upsert([request(12.5), request(48)], "default")
    roll_up_pending(NOW, budget_s=60)

    utc = asked(api, days=3)
    berlin = asked(api, days=3, tz="Europe/Berlin")

    assert [bucket["calls"] for bucket in utc["time_buckets"]] == [1, 1, 0]
    assert [bucket["calls"] for bucket in berlin["time_buckets"]] == [1, 0, 1]
    assert utc["source"] == berlin["source"] == "rollup"
    midnight = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
    assert (utc["start"], berlin["start"], utc["end"]) == (midnight, midnight - HOUR, NOW)


def test_days_are_put_together_where_there_are_more_than_buckets(api):
    assert len(asked(api, days=90)["time_buckets"]) == 90
    assert len(asked(api, days=730)["time_buckets"]) == 146
    assert len(asked(api, days=30, bucket_count=5)["time_buckets"]) == 5


def test_a_time_that_is_over_can_be_asked_for(api):
    """To be compared with the time after it."""
    upsert([request(1), request(3), request(3)], "default")

    earlier = asked(api, window_seconds=7200, to="2026-11-27T10:00:00Z")

    assert (earlier["total_calls"], earlier["end"]) == (2, NOW - 2 * HOUR)


def test_filters_leave_out_what_does_not_fit_and_go_together(api, ada):
    app, other = keys.issue(ada, "app").row, keys.issue(ada, "other").row
    upsert(
        [
            request(user_id=ada.pk, client_id=app.pk, strategy="auto"),
            request(user_id=ada.pk, client_id=other.pk, provider="cerebras", model="small"),
            request(user_id=99, strategy="auto"),
        ],
        "default",
    )

    def calls(**query: Any) -> int:
        found: int = asked(api, **query)["total_calls"]
        return found

    assert calls() == 3
    assert calls(provider="groq") == calls(strategy="auto") == calls(user="ada") == 2
    assert calls(user=ada.pk) == calls(provider=["groq", "cerebras"], user="ada") == 2
    assert (
        calls(user="99") == calls(model="small") == calls(client="app") == calls(client=other.key_hash) == 1
    )
    assert calls(client="app", provider="cerebras") == calls(provider="unheard-of") == 0


def test_client_keys_are_told_by_name_and_what_is_left_of_those_that_are_gone(api, ada):
    key = keys.issue(ada, "app").row
    upsert([request(client_id=key.pk), request(client_id=9999), request()], "default")

    found = {row["client_id"]: (row["client"], row["client_key_hash"]) for row in asked(api)["by_client"]}

    assert found == {key.pk: ("app", key.key_hash), 9999: (None, None), None: (None, None)}


def test_ones_own_are_ones_own(ada, root):
    upsert([request(user_id=ada.pk), request(user_id=root.pk), request(user_id=root.pk)], "default")

    assert asked(client_of(ada), MINE)["total_calls"] == 1
    assert asked(client_of(root), MINE)["total_calls"] == 2
    assert client_of(ada).get(URL).status_code == 403
    assert client_of(ada).get(MINE, {"user": root.pk}).json() == {"detail": {"user": ["Unknown parameter."]}}


def test_anothers_client_key_is_not_found(ada, root):
    keys.issue(root, "secret")

    answer = client_of(ada).get(MINE, {"client": "secret"})

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == ["client"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"window_seconds": 59}, "window_seconds"),
        ({"window_seconds": 604_801}, "window_seconds"),
        ({"window_seconds": "1e3"}, "window_seconds"),
        ({"window_seconds": ""}, "window_seconds"),
        ({"bucket_count": 0}, "bucket_count"),
        ({"bucket_count": 169}, "bucket_count"),
        ({"days": 0}, "days"),
        ({"days": 731}, "days"),
        ({"days": "-1"}, "days"),
        ({"days": "٣"}, "days"),
        ({"days": 7, "window_seconds": 3600}, "days"),
        ({"tz": "Mars/Olympus"}, "tz"),
        ({"tz": "../../etc/passwd"}, "tz"),
        ({"tz": "America"}, "tz"),
        ({"tz": "localtime"}, "tz"),
        ({"tz": "Factory"}, "tz"),
        ({"to": "2026-11-27T13:00:00Z"}, "to"),
        ({"to": "yesterday"}, "to"),
        ({"format": "xml"}, "format"),
        ({"client": "nobody"}, "client"),
        ({"user": "nobody"}, "user"),
        ({"provider": "x" * 201}, "provider"),
        ({"providers": "groq"}, "providers"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(api, query, name):
    answer = api.get(URL, query)

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [name]


def test_errors_of_a_table_are_json(api):
    answer = api.get(URL, {"format": "csv", "days": 0}, HTTP_ACCEPT="text/csv")

    assert answer.status_code == 400
    assert answer["content-type"] == "application/json"


def table(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_table_has_all_of_it_in_sections(api, ada):
    key = keys.issue(ada, "app").row
    upsert([request(client_id=key.pk), request(5, outcome="error", error_kind="network")], "default")

    found = table(api.get(URL, {"format": "csv", "bucket_count": 2, "tz": "Europe/Berlin"}))

    told = [(row["section"], row["name"], row["start"][:16], row["calls"]) for row in found]
    day = "2026-11-26T13:00"
    assert told == [
        ("total", "", day, "2"),
        ("provider", "groq", day, "2"),
        ("model", "llama-3.3-70b-versatile", day, "2"),
        ("strategy", "", day, "2"),
        ("outcome", "error", day, "1"),
        ("outcome", "success", day, "1"),
        ("error_kind", "network", day, "1"),
        ("client", "", day, "1"),
        ("client", "app", day, "1"),
        ("time", "", day, "0"),
        ("time", "", "2026-11-27T01:00", "2"),
    ]
    assert found[0]["start"].endswith("+01:00")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "＝1"])
def test_no_name_is_a_formula(api, name):
    upsert([request(model=name)], "default")

    found = table(api.get(URL, {"format": "csv"}))

    assert [row["name"] for row in found if row["section"] == "model"] == ["'" + name]


def test_the_table_is_streamed_by_a_server_that_is_asynchronous(root):
    """Django says so in a warning where it is not."""
    token = issue_token("ci").raw
    upsert([request()], "default")

    async def read() -> bytes:
        answer: Any = await AsyncClient().get(URL, {"format": "csv"}, headers={"x-admin-token": token})
        return b"".join([part async for part in answer.streaming_content])

    assert async_to_sync(read)().startswith(b"section,name,start,calls")
