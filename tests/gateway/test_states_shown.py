"""What people are told of a closed account or model: in `/api/providers`, `/api/me/providers`, and the admin site."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.core import clock, snapshot
from apps.core.state.contract import Block, Claim, Completion, Grant, Subject
from apps.core.state.keys import candidate_key, credential_key
from apps.gateway import runtime
from apps.gateway.api.live import model_states
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.providers.credentials import set_key
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.states import State

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "sambanova accepts the key, but wants to be paid for m (status 402): the account needs credit."


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
        name="sambanova", display_name="S", base_url="https://upstream.test/v1", default_model="m"
    )
    for name in ("m", "n"):
        ProviderModel.objects.create(provider=provider, name=name)
    return set_key(user, provider, "key-0123456789abcdef")


Close = Callable[..., None]


@pytest.fixture
def close(settings: Any, tmp_path: Any, credential: Credential) -> Any:
    """Runs a gateway, and closes an account or a model of it."""
    settings.FREEAI_SPOOL_DIR = tmp_path / "spool"
    snapshot.load_all()
    made = Runtime()
    runtime.install(made)
    async_to_sync(made.follow_keys)()
    account = credential_key(credential.user_id, "sambanova")

    async def closed(scope: str, reason: Any, detail: str) -> None:
        now = clock.now()
        grant = await made.store.acquire(Claim("id", Subject(account, account), {}), now)
        assert isinstance(grant, Grant)
        block = Block(scope, now + 7200, reason, detail, now, 86_400)
        done = Completion(health="neutral", blocks=(block,))
        await made.store.complete(grant, done, CONFIG.value.breaker, now)

    def close(reason: str, detail: str, model: str = "") -> None:
        scope = candidate_key(account, model) if model else account
        async_to_sync(closed)(scope, reason, detail)

    yield close
    made.spool.close()
    runtime.install(None)


@pytest.mark.parametrize("path", ["/api/providers/sambanova", "/api/me/providers/sambanova"])
def test_a_closed_account_says_why_for_how_long_and_what_to_do(api: APIClient, close: Close, path: str):
    close("payment_required", WHY)

    row = api.get(path).json()

    assert (row["healthy"], row["unhealthy_reason"], row["unhealthy_detail"]) == (
        False,
        "payment_required",
        WHY,
    )
    assert 7100 < row["unhealthy_for_s"] <= 7200
    (listed,) = [
        one
        for one in api.get(path.rpartition("/")[0]).json()
        if "sambanova" in (one.get("name"), one.get("provider_name"))
    ]
    assert listed["unhealthy_reason"] == "payment_required"


def test_a_new_key_ends_it_in_the_very_answer(api: APIClient, close: Close):
    close("payment_required", WHY)

    row = api.patch("/api/me/providers/sambanova", {"api_key": "key-9876543210"}, format="json").json()

    assert (row["healthy"], row["unhealthy_detail"]) == (True, None)


@pytest.mark.parametrize("path", ["/api/providers/sambanova", "/api/me/providers/sambanova"])
def test_a_service_that_ended_says_when_and_why_without_a_gateway(
    api: APIClient, credential: Credential, path: str
):
    Provider.objects.update(retired_on=datetime.date(2026, 7, 30), retired_because="everything moved.")

    row = api.get(path).json()

    assert (row["healthy"], row["unhealthy_reason"]) == (False, "service_retired")
    assert row["unhealthy_detail"] == "S ended on 2026-07-30: everything moved."


def test_each_model_says_what_is_wrong_with_it(user: User, close: Close):
    close("not_in_plan", "Not in your plan.", "n")

    states = async_to_sync(model_states)(user.pk, "sambanova")

    assert states["m"] == State()
    assert (states["n"].reason, states["n"].detail) == ("not_in_plan", "Not in your plan.")
    assert 7100 < states["n"].blocked_for_s <= 7200


@pytest.mark.parametrize(
    "aside",
    [
        {"access": "prepaid"},
        {"vanished_at": timezone.now()},
        {"listed": {"enabled": True}},
        {"task": "embedding"},
    ],
    ids=["paid", "vanished", "unknown", "another task"],
)
def test_a_model_that_has_to_be_named_says_it_too(user: User, close: Close, aside: dict[str, Any]):
    ProviderModel.objects.filter(name="n").update(**aside)
    snapshot.load_all()
    close("model_gone", "Not there.", "n")

    states = async_to_sync(model_states)(user.pk, "sambanova")

    assert (states["n"].reason, states["n"].detail) == ("model_gone", "Not there.")


def test_the_admin_site_says_it_in_words(client: Client, user: User, close: Close, credential: Credential):
    client.force_login(user)
    close("payment_required", WHY)

    pages = [
        client.get(f"/admin/providers/{model}/{pk}/change/").content.decode()
        for model, pk in (("credential", credential.pk), ("provider", credential.provider_id))
    ]

    for page in pages:
        assert "(payment_required). sambanova accepts the key" in page
    assert client.get("/admin/providers/credential/add/").status_code == 200
    assert client.get("/admin/providers/provider/add/").status_code == 200
