"""Explaining a request as a client key's: what the key allows holds, and is a reason of its own."""

import json
from datetime import timedelta
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.clients import keys, rotation
from apps.core import snapshot
from apps.gateway import runtime
from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel
from apps.providers.types import TRAINING_UNKNOWN
from apps.strategies.library import install_builtins
from tests.asgi import chat_body
from tests.gateway.conftest import USER, Gateway
from tests.gateway.test_explain_api import post
from tests.gateway.test_reset import acting

pytestmark = pytest.mark.django_db(transaction=True)
FAST = orjson.loads(chat_body(model="freeai-fast"))


@pytest.fixture
def ada() -> User:
    return get_user_model().objects.create_user("ada", pk=USER)


@pytest.fixture
def staff() -> User:
    """May ask for explanations, and for nothing else."""
    user = get_user_model().objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_strategy"))
    return user


@pytest.fixture
def root() -> User:
    return get_user_model().objects.create_superuser("root")


async def sync(call: Any, *arguments: Any, **options: Any) -> Any:
    """In the thread that has the database."""
    return await sync_to_async(call)(*arguments, **options)


def row(user: User, **options: Any) -> Any:
    return keys.issue(user, "app", **options).row


async def explained(asker: User, key_hash: str, body: Any = FAST) -> Any:
    return await post(asker, f"/api/explain?key_hash={key_hash}", body)


def reasons(answer: Any) -> dict[str, Any]:
    """By provider: None for a candidate, else why it is none."""
    assert answer.status_code == 200, answer.json()
    return {one["provider"]: one["excluded"] for one in answer.json()["candidates"]}


async def test_says_that_no_training_is_the_reason(gateway: Gateway, ada: User, root: User):
    gateway.add("groq")
    gateway.add("mistral", trains="")
    key = await sync(row, ada, data_use="no_training")

    found = reasons(await explained(root, key.key_hash))

    assert found["mistral"] is None
    assert found["groq"]["reason"] == "training"
    assert TRAINING_UNKNOWN.rstrip(".") in found["groq"]["detail"]
    assert "the client key has `data_use` no_training" in found["groq"]["detail"]


async def test_shows_them_where_every_candidate_trains_or_costs_money(
    gateway: Gateway, ada: User, root: User
):
    gateway.add("groq")
    gateway.add("mistral", access="prepaid", trains="")
    key = await sync(row, ada, data_use="no_training")

    found = reasons(await explained(root, key.key_hash))

    assert {name: why["reason"] for name, why in found.items()} == {"groq": "training", "mistral": "paid"}


async def test_says_that_the_key_may_not_ask_for_a_model(gateway: Gateway, ada: User, root: User):
    gateway.add("groq", "m", family="openai")
    gateway.add("mistral", "m", family="openai")
    key = await sync(row, ada, allowed_models=["mistral/m"])

    found = reasons(await explained(root, key.key_hash, FAST | {"model": "m"}))

    assert found["mistral"] is None
    assert found["groq"]["reason"] == "not_allowed"
    assert "`allowed_models`" in found["groq"]["detail"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"allowed_models": ["freeai-code"]},
            {"model": ["This client key may not use the model `freeai-fast`."]},
        ),
        (
            {"allowed_strategies": ["coding"]},
            {"strategy": ["This client key may not use the strategy `fastest`."]},
        ),
        ({"allowed_endpoints": ["embeddings"]}, "This client key may not use the endpoint `chat`."),
    ],
)
async def test_refuses_what_the_key_would_be_refused(
    gateway: Gateway, ada: User, root: User, options: dict[str, Any], said: Any
):
    gateway.add("groq")
    key = await sync(row, ada, **options)

    answer = await explained(root, key.key_hash)

    assert (answer.status_code, answer.json()["detail"]) == (403, said)


async def test_is_of_the_owners_providers(gateway: Gateway, ada: User, root: User, staff: User):
    gateway.add("groq")
    theirs = await sync(row, ada)
    own = await sync(row, root)

    assert set(reasons(await explained(root, theirs.key_hash))) == {"groq"}
    assert (await explained(root, own.key_hash)).status_code == 400


async def test_of_anothers_key_needs_the_right_to_see_it(gateway: Gateway, ada: User, staff: User):
    gateway.add("groq")
    theirs = await sync(row, ada)
    refused = await explained(staff, theirs.key_hash)
    await sync(staff.user_permissions.add, await Permission.objects.aget(codename="view_clientkey"))
    allowed = await explained(await User.objects.aget(pk=staff.pk), theirs.key_hash)

    assert (refused.status_code, allowed.status_code) == (404, 200)


@pytest.mark.parametrize(
    ("key_hash", "status", "said"),
    [
        ("0" * 64, 404, "There is no such client key."),
        ("fai_0", 400, {"key_hash": ["Must be the 64 hexadecimal digits of a client key's hash."]}),
        ("", 400, {"key_hash": ["Must be the 64 hexadecimal digits of a client key's hash."]}),
    ],
)
async def test_names_a_hash_that_is_none(gateway: Gateway, root: User, key_hash: str, status: int, said: Any):
    answer = await explained(root, key_hash)

    assert (answer.status_code, answer.json()) == (status, {"detail": said})


async def test_says_that_a_key_opens_nothing(gateway: Gateway, ada: User, root: User):
    gateway.add("groq")
    hour = timedelta(hours=1)
    disabled = await sync(row, ada)
    await sync(type(disabled).objects.filter(pk=disabled.pk).update, enabled=False)
    expired = await sync(row, ada, expires_at=timezone.now() - hour)
    revoked = await sync(row, ada)
    await sync(keys.revoke, revoked)

    answers = [await explained(root, key.key_hash) for key in (disabled, expired, revoked)]

    assert [answer.status_code for answer in answers] == [400, 400, 404]
    assert answers[0].json()["detail"] == {
        "key_hash": ["This client key opens nothing: it or its user is disabled."]
    }
    assert answers[1].json()["detail"] == {"key_hash": ["This client key opens nothing: it has expired."]}


async def test_knows_a_rotated_key_by_its_former_hash_until_the_grace_ends(
    gateway: Gateway, ada: User, root: User
):
    gateway.add("groq")
    key = await sync(row, ada)
    former = key.key_hash
    await sync(rotation.rotate, key, 3600)

    assert (await explained(root, former)).status_code == 200


@pytest.fixture
def installed(root: User, ada: User) -> None:
    """Two providers of ada's, one of which does not train."""
    install_builtins()
    for name, terms in (("groq", []), ("mistral", [{"about": "training", "may": False}])):
        provider = Provider.objects.create(
            name=name, base_url="https://upstream.test/v1", default_model="m", terms=terms
        )
        ProviderModel.objects.create(provider=provider, name="m")
        set_key(ada, provider, "key-0123456789abcdef")


def test_works_where_no_gateway_runs(installed: None, ada: User, root: User):
    key = row(ada, data_use="no_training")
    runtime.install(None)
    for section in snapshot.SECTIONS.values():
        section.unload()

    answer = acting(root).post(f"/api/explain?key_hash={key.key_hash}", FAST, format="json")

    assert {name: why and why["reason"] for name, why in reasons(answer).items()} == {
        "mistral": None,
        "groq": "training",
    }


@pytest.mark.parametrize("by", ["key_hash", "name", "key_preview"])
def test_command_explains_for_a_key(installed: None, ada: User, by: str, capsys: pytest.CaptureFixture[str]):
    key = row(ada, data_use="no_training")

    call_command("explain", "--prompt", "Hello", "--client-key", getattr(key, by), "--json")

    decision = json.loads(capsys.readouterr().out)
    assert {one["provider"]: (one["excluded"] or {}).get("reason") for one in decision["candidates"]} == {
        "mistral": None,
        "groq": "training",
    }


@pytest.mark.parametrize(
    ("options", "arguments", "code"),
    [
        ({}, ["--client-key", "nobody's"], 3),
        ({"expires_at": timezone.now() - timedelta(hours=1)}, ["--client-key", "app"], 3),
        ({"allowed_models": ["freeai-code"]}, ["--client-key", "app"], 5),
    ],
)
def test_command_says_by_its_exit_code_what_is_wrong(
    installed: None, ada: User, options: dict[str, Any], arguments: list[str], code: int
):
    row(ada, **options)

    with pytest.raises(CommandError) as caught:
        call_command("explain", "--prompt", "Hello", *arguments)

    assert caught.value.returncode == code


def test_command_wants_one_key(installed: None, ada: User):
    row(ada)
    row(ada)

    with pytest.raises(CommandError, match="give one hash") as caught:
        call_command("explain", "--prompt", "Hello", "--client-key", "app")

    assert caught.value.returncode == 4


def test_command_takes_a_user_or_a_key_which_has_one(installed: None):
    with pytest.raises(CommandError, match="not allowed with argument"):
        call_command("explain", "--prompt", "Hello", "--user", "ada", "--client-key", "app")
