"""Resetting a provider, or one's own account there: what was closed is open, in the very answer, in every process, and after a start."""

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from auditlog.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from apps.core import clock, snapshot
from apps.core.state.contract import Block, Claim, Completion, Grant, Subject, Window
from apps.core.state.keys import Span, candidate_key, credential_key, provider_key
from apps.gateway import runtime
from apps.gateway.config import CONFIG
from apps.gateway.runtime import Runtime
from apps.providers.credentials import set_key
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.models import Credential, Provider, ProviderModel
from tests.factories import make_offer

pytestmark = pytest.mark.django_db(transaction=True)
RESET, OWN = "/api/providers/groq/reset", "/api/me/providers/groq/reset"


@pytest.fixture
def root() -> User:
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def ada() -> User:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def groq(root: User, ada: User) -> Provider:
    """A provider with a key of each, and another beside it."""
    made = [
        Provider.objects.create(name=name, base_url="https://upstream.test/v1", default_model="m")
        for name in ("groq", "mistral")
    ]
    for provider in made:
        ProviderModel.objects.create(provider=provider, name="m")
        for user in (root, ada):
            set_key(user, provider, "key-0123456789abcdef")
    return made[0]


@pytest.fixture
def gateway(settings: Any, tmp_path: Any, groq: Provider) -> Iterator[Runtime]:
    """One that runs here."""
    settings.FREEAI_SPOOL_DIR = tmp_path / "spool"
    snapshot.load_all()
    made = Runtime()
    runtime.install(made)
    async_to_sync(made.follow_keys)()
    yield made
    made.spool.close()


def acting(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def close(gateway: Runtime, user: User, provider: str = "groq") -> None:
    """The account and its model are in quarantine, and its breaker is open."""
    account = credential_key(user.pk, provider)

    async def closed() -> None:
        now = clock.now()
        windows = (Window.of(account, Span("requests", "day"), 5),)
        subject = Subject(account, candidate_key(account, "m"), windows)
        for number in range(3):
            claim = Claim(f"{account} {number}", subject, {"requests": 1})
            grant = await gateway.store.acquire(claim, now)
            assert isinstance(grant, Grant)
            blocks = tuple(
                Block(scope, now + 7200, "quarantine", "Refused.", now, 86_400)
                for scope in (account, subject.candidate)
                if number == 2
            )
            done = Completion(health="failure", blocks=blocks)
            await gateway.store.complete(grant, done, CONFIG.value.breaker, now)

    async_to_sync(closed)()


def closed_for(gateway: Runtime, user: User, provider: str = "groq") -> list[str | None]:
    """Why the account, and why its model."""
    account = credential_key(user.pk, provider)

    async def seen() -> list[str | None]:
        await gateway.follow_keys()
        subjects = [Subject(account, scope) for scope in (account, candidate_key(account, "m"))]
        return [one.reason for one in await gateway.store.view(subjects, clock.now())]

    return async_to_sync(seen)()


def test_of_a_provider_opens_everybodys_accounts_there_and_none_elsewhere(
    gateway: Runtime, root: User, ada: User
):
    for user in (root, ada):
        close(gateway, user)
    close(gateway, ada, "mistral")
    before = acting(root).get("/api/providers/groq").json()

    answer = acting(root).post(RESET, {}, format="json")

    assert (before["healthy"], before["unhealthy_reason"]) == (False, "quarantine")
    row = answer.json()
    assert (answer.status_code, row["name"], row["healthy"], row["unhealthy_detail"]) == (
        200,
        "groq",
        True,
        None,
    )
    assert row == acting(root).get("/api/providers/groq").json()
    assert closed_for(gateway, root) == closed_for(gateway, ada) == [None, None]
    assert closed_for(gateway, ada, "mistral") == ["quarantine"] * 2


def test_of_a_provider_reaches_accounts_without_a_credential_in_use(gateway: Runtime, root: User, ada: User):
    close(gateway, ada)
    Credential.objects.filter(user=ada).delete()

    acting(root).post(RESET)

    assert closed_for(gateway, ada) == [None, None]


def test_of_an_account_opens_that_one(gateway: Runtime, root: User, ada: User):
    for user in (root, ada):
        close(gateway, user)

    answer = acting(ada).post(OWN, {}, format="json")

    row = answer.json()
    assert (answer.status_code, row["provider_name"], row["healthy"]) == (200, "groq", True)
    assert closed_for(gateway, ada) == [None, None]
    assert closed_for(gateway, root) == ["quarantine"] * 2


def test_what_is_counted_and_what_providers_told_of_limits_stays(gateway: Runtime, groq: Provider, ada: User):
    close(gateway, ada)
    credential = Credential.objects.get(user=ada, provider=groq)
    credential.evidence.create(
        metric="requests", period="day", limit=50, source="header", at=credential.created_at
    )

    acting(ada).post(OWN)

    account = credential_key(ada.pk, "groq")
    window = Window.of(account, Span("requests", "day"), 5)
    (standing,) = async_to_sync(gateway.store.view)([Subject(account, account, (window,))], clock.now())
    assert standing.used == (3,)
    assert credential.evidence.count() == 1


@pytest.mark.parametrize("path", [RESET, OWN])
def test_refusals_in_a_row_begin_anew(
    gateway: Runtime, root: User, path: str, monkeypatch: pytest.MonkeyPatch
):
    offer = make_offer(model="m", user_id=root.pk)
    error = UpstreamError(ErrorKind.RATE_LIMITED, "Too many.", status=429, window="minute", scope="account")

    def refuse(minute: int) -> bool:
        return bool(
            gateway.streaks.failed(
                error, offer, tries=None, models=lambda: frozenset({"m"}), now=minute * 60.0
            )
        )

    assert not any(refuse(minute) for minute in range(60))
    acting(root).post(path)

    assert not refuse(60)


def test_where_no_gateway_runs_the_running_one_learns_of_it(gateway: Runtime, root: User, ada: User):
    close(gateway, ada)
    runtime.install(None)

    answer = acting(root).post(RESET)

    assert (answer.status_code, answer.json()["healthy"]) == (200, True)
    assert closed_for(gateway, ada) == [None, None]


@pytest.mark.parametrize("path", [RESET, OWN])
def test_a_gateway_that_starts_later_does_not_take_up_what_was_closed_before(
    gateway: Runtime, root: User, path: str
):
    async_to_sync(gateway.store.restore)(nothing, clock.now())
    close(gateway, root)
    async_to_sync(gateway.store.aclose)()
    runtime.install(None)
    reborn = Runtime()

    acting(root).post(path)

    async def start() -> list[str | None]:
        await reborn.start()
        account = credential_key(root.pk, "groq")
        (standing,) = await reborn.store.view([Subject(account, candidate_key(account, "m"))], clock.now())
        await reborn.stop()
        return [standing.reason]

    assert async_to_sync(start)() == [None]


async def nothing(_now: float) -> list[Any]:
    return []


@pytest.mark.parametrize(("path", "row"), [(RESET, "groq"), (OWN, "ada @ groq")])
def test_it_is_an_act(gateway: Runtime, root: User, ada: User, path: str, row: str):
    ada.is_superuser = True
    ada.save()
    LogEntry.objects.all().delete()

    acting(ada).post(path)

    (entry,) = LogEntry.objects.all()
    assert (entry.object_repr, entry.additional_data["by"], len(entry.changes)) == (row, "ada", 1)


def test_there_must_be_something_to_reset(gateway: Runtime, root: User, ada: User, groq: Provider):
    groq.credentials.all().delete()

    assert acting(ada).post(OWN).status_code == 404
    assert (
        acting(root)
        .post("/api/providers/grok/reset")
        .json()["detail"]
        .startswith("Unknown provider `grok`. Did you mean `groq`?")
    )
    refused = acting(root).post(RESET, {"hard": True}, format="json")
    assert (refused.status_code, refused.json()) == (400, {"detail": {"hard": ["Unknown field."]}})
    assert provider_key("groq") == "*:groq"
