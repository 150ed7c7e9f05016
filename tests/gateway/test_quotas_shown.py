"""What is left of the quotas, in `/api/providers`, `/api/me/providers` and of each model."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from apps.core import clock, snapshot
from apps.core.state.contract import Report
from apps.gateway import runtime
from apps.gateway.outlook.watch import Watch
from apps.gateway.runtime import Runtime
from apps.providers.credentials import set_key
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from apps.providers.offers import CATALOGUE

pytestmark = pytest.mark.django_db(transaction=True)
NOON = 1_768_478_400.0  # 2026-01-15 12:00 UTC
LIMITS = [
    {"metric": "requests", "unit": "day", "limit": 100},
    {"metric": "requests", "unit": "minute", "limit": 30},
    {"metric": "tokens", "unit": "day", "limit": 5000, "each": True},
]
PLACES = ("/api/providers/sambanova", "/api/me/providers/sambanova")


@pytest.fixture
def user() -> User:
    return get_user_model().objects.create_superuser("ada", password="x" * 12)


@pytest.fixture
def api(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def credential(user: User) -> Credential:
    provider = Provider.objects.create(
        name="sambanova",
        display_name="S",
        base_url="https://upstream.test/v1",
        default_model="m",
        limits=LIMITS,
    )
    for name in ("m", "n"):
        ProviderModel.objects.create(provider=provider, name=name, shipped={"name": name})
    return set_key(user, provider, "key-0123456789abcdef")


class Running:
    """A gateway at noon. `use`: so much of what one model counts was used within half an hour, in three steps."""

    def __init__(self, made: Runtime, user: int) -> None:
        self.runtime = made
        self.user = user
        self.now = NOON

    def use(self, model: str = "m", **amounts: int) -> None:
        async def steps() -> None:
            watch = Watch(self.runtime)
            await watch.look()
            for _ in range(3):
                await self.runtime.store.take(self.windows(model), self.third(amounts), self.now)
                for _ in range(10):
                    self.now += 60
                    await watch.look()

        async_to_sync(steps)()

    def third(self, amounts: dict[str, int]) -> dict[str, int]:
        return {metric: amount // 3 for metric, amount in amounts.items()}

    def windows(self, model: str = "m") -> tuple[Any, ...]:
        offers = CATALOGUE.value.offers_at(self.user, "sambanova")
        return next(offer.subject.windows for offer in offers if offer.model == model)


@pytest.fixture
def running(settings: Any, tmp_path: Any, credential: Credential, monkeypatch: Any) -> Iterator[Running]:
    settings.FREEAI_SPOOL_DIR = tmp_path / "spool"
    snapshot.load_all()
    made = Runtime()
    runtime.install(made)
    running = Running(made, credential.user_id)
    monkeypatch.setattr(clock, "now", lambda: running.now)
    yield running
    made.spool.close()
    runtime.install(None)


def at(text: str) -> str:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("path", PLACES)
def test_an_account_tells_what_is_left_when_it_resets_and_how_long_it_lasts(
    api: APIClient, running: Running, path: str
):
    running.use(requests=60)

    row = api.get(path).json()

    minute, day = sorted(row["quotas"], key=lambda quota: quota["limit"])
    assert day == {
        "scope": "account",
        "name": None,
        "metric": "requests",
        "period": "day",
        "kind": "fixed",
        "zone": "UTC",
        "limit": 100,
        "used": 60,
        "left": 40,
        "resets_at": at("2026-01-16 00:00"),
        "reported_at": None,
        "source": "declared",
        "learnt": None,
        "outlook": "runs_out",
        "runs_out_at": at("2026-01-15 12:50"),
        "out_until": None,
        "no_forecast_because": None,
    }
    assert (minute["used"], minute["outlook"], minute["no_forecast_because"]) == (0, None, "not_over_time")
    assert row["outlook"] == {
        "state": "runs_out",
        "runs_out_at": at("2026-01-15 12:50"),
        "out_until": None,
        "no_forecast_because": None,
        "window": "requests/day",
        "model": None,
        "first_model": None,
    }
    (listed,) = [
        one
        for one in api.get(path.rpartition("/")[0]).json()
        if "sambanova" in (one.get("name"), one.get("provider_name"))
    ]
    assert (listed["quotas"], listed["outlook"]) == (row["quotas"], row["outlook"])


@pytest.mark.parametrize("path", [f"{place}/models" for place in PLACES])
def test_each_model_tells_its_own_windows(api: APIClient, running: Running, path: str):
    running.use(tokens=4500)

    rows = {row["name"]: row["quotas"] for row in api.get(path).json()}

    (tokens,) = rows["m"]
    assert (tokens["scope"], tokens["name"], tokens["period"]) == ("model", "m", "day")
    assert (tokens["used"], tokens["left"], tokens["outlook"]) == (4500, 500, "runs_out")
    assert [quota["used"] for quota in rows["n"]] == [0]


def test_the_first_model_to_end_is_named_while_another_can_serve(api: APIClient, running: Running):
    running.use(tokens=4500)

    outlook = api.get(PLACES[0]).json()["outlook"]

    assert outlook["state"] is None
    assert outlook["no_forecast_because"] == "too_little_data"
    assert outlook["first_model"] == {
        "model": "m",
        "window": "tokens/day",
        "runs_out_at": at("2026-01-15 12:30"),
    }


def test_nothing_left_is_out_until_the_reset(api: APIClient, running: Running):
    (day,) = (window for window in running.windows() if window.limit == 100)
    async_to_sync(running.runtime.store.tighten)([Report(day, 0, NOON + 7200)], NOON - 60)

    row = api.get(PLACES[0]).json()

    (told,) = (quota for quota in row["quotas"] if quota["period"] == "day")
    assert (told["left"], told["outlook"], told["out_until"]) == (0, "out", at("2026-01-15 14:00"))
    assert told["reported_at"] == at("2026-01-15 11:59")
    assert (row["outlook"]["state"], row["outlook"]["out_until"]) == ("out", at("2026-01-15 14:00"))


def test_a_limit_says_whose_it_is(api: APIClient, running: Running, credential: Credential):
    api.patch(PLACES[1], {"rpd_limit": 50}, format="json")
    for metric, source in (("tokens", "header"), ("input_tokens", "refusal")):
        LimitEvidence.objects.create(
            credential=credential,
            metric=metric,
            period="month",
            limit=77,
            source=source,
            at=datetime.fromtimestamp(NOON, UTC),
        )
    snapshot.load_all()

    told = {
        (quota["metric"], quota["period"]): (quota["limit"], quota["source"])
        for quota in api.get(PLACES[0]).json()["quotas"]
    }

    assert told == {
        ("requests", "day"): (50, "override"),
        ("requests", "minute"): (30, "declared"),
        ("tokens", "month"): (77, "header"),
        ("input_tokens", "month"): (77, "learnt"),
    }


@pytest.mark.parametrize("path", PLACES)
def test_without_a_key_there_are_no_quotas(api: APIClient, running: Running, path: str):
    Credential.objects.all().delete()
    snapshot.load_all()

    row = api.get(path).json()

    assert (row["quotas"], row["outlook"]) == ([], None)


@pytest.mark.parametrize("path", PLACES)
def test_where_no_gateway_runs_there_are_none_either(api: APIClient, credential: Credential, path: str):
    row = api.get(path).json()
    models = api.get(f"{path}/models").json()

    assert (row["quotas"], row["outlook"]) == ([], None)
    assert [model["quotas"] for model in models] == [[], []]


@pytest.mark.parametrize("path", PLACES)
def test_another_users_use_is_not_ones_own(api: APIClient, running: Running, path: str):
    other = get_user_model().objects.create_user("eve")
    set_key(other, Provider.objects.get(), "key-9876543210fedcba")
    snapshot.load_all()
    running.user = other.pk
    running.use(requests=60)

    assert {quota["used"] for quota in api.get(path).json()["quotas"]} == {0}


@pytest.mark.parametrize("path", PLACES)
def test_a_row_can_be_sent_back_though_its_numbers_have_moved(api: APIClient, running: Running, path: str):
    shown = api.get(path).json()
    row = {name: shown[name] for name in ("quotas", "outlook")}
    running.use(requests=60)

    assert api.patch(path, row, format="json").status_code == 200

    row["quotas"][0]["limit"] += 1
    refused = api.patch(path, row, format="json")
    assert (refused.status_code, refused.json()) == (
        400,
        {"detail": {"quotas": ["This field cannot be set."]}},
    )
