"""GET /api/usage-events: one's own, or everybody's for those who may; filtered, in pages, and without a word of any prompt."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from apps.analytics.events import UsageEvent
from apps.analytics.models import UsageEventRow
from apps.analytics.upsert import upsert
from apps.clients import keys
from apps.core.ids import least_at
from tests.analytics.examples import ended, refused

pytestmark = pytest.mark.django_db
URL = "/api/usage-events"
AT = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


def event(number: int, **fields: Any) -> UsageEvent:
    """That of a minute: the greater its number, the later it is."""
    at = AT + 60 * number
    return ended(id=UUID(int=least_at(at).int | number).hex, at=at, **fields)


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def ada() -> User:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def eve() -> User:
    return get_user_model().objects.create_user("eve")


@pytest.fixture
def root() -> User:
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def api(ada: User) -> APIClient:
    return client_of(ada)


def numbers(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.json()
    return [UUID(row["id"]).int & 0xFFFF for row in answer.json()["events"]]


def test_an_event_is_told_with_all_that_is_known_of_it(api: APIClient, ada: User):
    key = keys.issue(ada, "app").row
    request = UUID(int=5)
    upsert(
        [
            event(
                1,
                user_id=ada.pk,
                client_id=key.pk,
                request_id="req_1",
                request_uuid=request.hex,
                is_last=True,
                strategy="fastest",
                virtual_model="freeai-fast",
                stream=True,
                latency_ms=214.5,
                ttfb_ms=80.25,
                connect_ms=1.5,
                prompt_tokens=12,
                completion_tokens=30,
                cached_tokens=4,
                reasoning_tokens=7,
                fallback_position=2,
                cost_microusd=0,
                saved_microusd=1_700,
                charged={"neurons": 9},
            )
        ],
        "default",
    )

    answer = api.get(URL)

    assert answer.json() == {
        "events": [
            {
                "id": str(UUID(event(1).id)),
                "at": "2026-11-27T12:01:00Z",
                "request_id": "req_1",
                "request_uuid": str(request),
                "is_last": True,
                "stands_for": 1,
                "user_id": ada.pk,
                "user": "ada",
                "client": "app",
                "client_key_hash": key.key_hash,
                "provider": "groq",
                "model": "llama-3.3-70b-versatile",
                "strategy": "fastest",
                "virtual_model": "freeai-fast",
                "endpoint": "chat",
                "stream": True,
                "outcome": "success",
                "error_kind": None,
                "upstream_status": 200,
                "latency_ms": 214.5,
                "ttfb_ms": 80.25,
                "connect_ms": 1.5,
                "prompt_tokens": 12,
                "completion_tokens": 30,
                "cached_tokens": 4,
                "reasoning_tokens": 7,
                "estimated": False,
                "fallback_position": 2,
                "cost_usd": 0.0,
                "saved_usd": 0.0017,
                "charged": {"neurons": 9},
            }
        ],
        "next": None,
    }


def test_what_is_not_known_is_null(api: APIClient, ada: User):
    upsert([refused(user_id=ada.pk, client_id=4711, model="m")], "default")

    (row,) = api.get(URL).json()["events"]

    assert (row["provider"], row["error_kind"]) == (None, "quota_exhausted")
    for name in (
        "client",
        "client_key_hash",
        "strategy",
        "upstream_status",
        "ttfb_ms",
        "connect_ms",
        "cost_usd",
        "saved_usd",
    ):
        assert row[name] is None, name


def test_no_column_of_the_ledger_holds_what_was_said(api: APIClient, ada: User):
    upsert([event(1, user_id=ada.pk)], "default")
    (row,) = api.get(URL).json()["events"]

    told = {"user": "user_id", "client": "client_id", "client_key_hash": "client_id"}
    columns = {field.attname for field in UsageEventRow._meta.concrete_fields}
    assert {told.get(name, name.replace("_usd", "_microusd")) for name in row} == columns


def test_one_sees_ones_own(api: APIClient, ada: User, eve: User):
    upsert([event(number, user_id=(ada, eve)[number % 2].pk) for number in range(6)], "default")

    assert numbers(api.get(URL)) == [4, 2, 0]


@pytest.mark.parametrize("query", [{"all": "true"}, {"user": "ada"}, {"user": "eve"}])
def test_nobody_else_sees_those_of_others(api: APIClient, eve: User, query: dict[str, str]):
    answer = api.get(URL, query)

    assert answer.status_code == 403
    assert "eve" not in answer.content.decode()


@pytest.mark.parametrize("who", ["root", "staff"])
def test_those_who_may_see_everybodys_or_one_users(root: User, ada: User, eve: User, who: str):
    viewer = root
    if who == "staff":
        viewer = get_user_model().objects.create_user("staff", is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_usageeventrow"))
        viewer = get_user_model().objects.get(pk=viewer.pk)
    api = client_of(viewer)
    upsert([event(number, user_id=(ada, eve)[number % 2].pk) for number in range(4)], "default")
    upsert([event(9, user_id=12345)], "default")

    assert numbers(api.get(URL)) == []
    assert numbers(api.get(URL, {"all": "true"})) == [9, 3, 2, 1, 0]
    assert numbers(api.get(URL, {"user": "eve"})) == [3, 1]
    assert numbers(api.get(URL, {"user": str(eve.pk)})) == [3, 1]
    assert numbers(api.get(URL, {"user": "12345"})) == [9]
    assert {row["user"] for row in api.get(URL, {"all": "true"}).json()["events"]} == {"ada", "eve", None}


def test_staff_without_the_permission_may_not():
    staff = get_user_model().objects.create_user("staff", is_staff=True)

    assert client_of(staff).get(URL, {"all": "true"}).status_code == 403


def test_pages_follow_one_another(api: APIClient, ada: User):
    upsert([event(number, user_id=ada.pk) for number in range(7)], "default")

    first = api.get(URL, {"limit": "3"})
    second = api.get(URL, {"limit": "3", "next": first.json()["next"]})
    third = api.get(URL, {"limit": "3", "next": second.json()["next"]})

    assert [numbers(each) for each in (first, second, third)] == [[6, 5, 4], [3, 2, 1], [0]]
    assert third.json()["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"from": "2026-11-27T12:03:00Z"}, [5, 4, 3]),
        ({"from": "2026-11-27T13:03:00+01:00"}, [5, 4, 3]),
        ({"to": "2026-11-27T12:02:00Z"}, [1, 0]),
        ({"from": "2026-11-27", "to": "2026-11-28"}, [5, 4, 3, 2, 1, 0]),
        ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, [5, 4, 3, 2, 1, 0]),
        ({"provider": "groq"}, [5, 4, 2, 0]),
        ({"provider": ["groq", "mistral"]}, [5, 4, 2, 1, 0]),
        ({"model": "m1"}, [1]),
        ({"strategy": "fastest"}, [5]),
        ({"outcome": "error"}, [1]),
        ({"outcome": ["error", "refused"]}, [3, 1]),
        ({"error_kind": "rate_limited"}, [1]),
        ({"endpoint": "embeddings"}, [5]),
        ({"request_id": "req_4"}, [4]),
        ({"client": "app"}, [4, 2]),
        ({"provider": "nobody"}, []),
        ({"model": "m%"}, []),
        ({"provider": "groq", "strategy": "fastest", "endpoint": "embeddings"}, [5]),
    ],
    ids=repr,
)
def test_filters(api: APIClient, ada: User, eve: User, query: dict[str, Any], expected: list[int]):
    app, others = keys.issue(ada, "app").row, keys.issue(eve, "app").row
    mine = {"user_id": ada.pk}
    upsert(
        [
            event(0, **mine),
            event(1, provider="mistral", model="m1", outcome="error", error_kind="rate_limited", **mine),
            event(2, client_id=app.pk, **mine),
            refused(id=event(3).id, at=event(3).at, error_kind="quota_exhausted", **mine),
            event(4, client_id=app.pk, request_id="req_4", **mine),
            event(5, strategy="fastest", endpoint="embeddings", **mine),
            event(6, client_id=others.pk, user_id=eve.pk, request_id="req_4"),
        ],
        "default",
    )

    assert numbers(api.get(URL, query)) == expected


def test_a_client_key_is_found_by_its_hash_and_after_it_was_revoked(api: APIClient, ada: User):
    key = keys.issue(ada, "app").row
    upsert([event(1, user_id=ada.pk, client_id=key.pk), event(2, user_id=ada.pk)], "default")
    keys.revoke(key)

    assert numbers(api.get(URL, {"client": key.key_hash})) == [1]
    assert numbers(api.get(URL, {"client": "app"})) == [1]


def test_another_users_client_key_is_no_key(api: APIClient, eve: User):
    key = keys.issue(eve, "theirs").row

    for named in (key.key_hash, "theirs"):
        answer = api.get(URL, {"client": named})
        assert (answer.status_code, list(answer.json()["detail"])) == (400, ["client"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "ten"),
        ("limit", "-1"),
        ("next", ""),
        ("next", "x"),
        ("next", "A" * 21),
        ("next", "A" * 23),
        ("next", "!" * 22),
        ("next", "é" * 22),
        ("from", "yesterday"),
        ("from", "2026-11-27T12:00:00"),
        ("from", "2026-13-01"),
        ("from", ""),
        ("to", "1764244800"),
        ("to", "2026-11-27T25:00:00Z"),
        ("all", "1"),
        ("outcome", "failed"),
        ("outcome", ""),
        ("provider", "x" * 201),
        ("model", "m\x00"),
        ("request_id", "r\x00"),
        ("request_id", ""),
        ("client", "nobody"),
        ("offset", "5"),
        ("prompt", "x"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(api: APIClient, name: str, value: str):
    answer = api.get(URL, {name: value})

    assert (answer.status_code, list(answer.json()["detail"])) == (400, [name])


def test_all_that_is_wrong_is_told_at_once(api: APIClient):
    answer = api.get(URL, {"limit": "0", "from": "x", "next": "y", "what": "z"})

    assert set(answer.json()["detail"]) == {"limit", "from", "next", "what"}


def test_a_time_that_ends_before_it_begins_is_refused(api: APIClient):
    answer = api.get(URL, {"from": "2026-11-28", "to": "2026-11-27"})

    assert (answer.status_code, list(answer.json()["detail"])) == (400, ["to"])


def test_one_value_of_a_time_and_at_most_twenty_of_a_filter(api: APIClient):
    twice = api.get(f"{URL}?from=2026-11-27&from=2026-11-28")
    many = api.get(URL, {"provider": [f"p{number}" for number in range(21)]})

    assert (twice.status_code, list(twice.json()["detail"])) == (400, ["from"])
    assert (many.status_code, list(many.json()["detail"])) == (400, ["provider"])


def test_an_unknown_user_is_refused_by_name(root: User):
    answer = client_of(root).get(URL, {"user": "nobody"})

    assert (answer.status_code, list(answer.json()["detail"])) == (400, ["user"])


def test_a_page_takes_the_same_number_of_queries_however_long(root: User, django_assert_num_queries: Any):
    api = client_of(root)
    users = [get_user_model().objects.create_user(f"user{number}") for number in range(5)]
    issued = [keys.issue(user, "app").row for user in users]
    upsert(
        [
            event(number, user_id=users[number % 5].pk, client_id=issued[number % 5].pk)
            for number in range(40)
        ],
        "default",
    )

    for limit in ("1", "40"):
        with django_assert_num_queries(4):
            api.get(URL, {"all": "true", "provider": "groq", "limit": limit})
