"""Prices by `/api/pricing`, providers that an operator adds, and what the catalogue says to users."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.core import snapshot
from apps.providers.models import Provider, ProviderModel

pytestmark = pytest.mark.django_db

PRICE = "/api/pricing/groq/openai/gpt-oss-120b"
BASE = "https://models.example.com/v1"


@pytest.fixture
def api():
    groq = Provider.objects.create(
        name="groq",
        base_url="https://upstream.test/v1",
        key_url="https://upstream.test/keys",
        limits=[{"metric": "requests", "unit": "minute", "limit": 30}],
    )
    ProviderModel.objects.create(
        provider=groq,
        name="openai/gpt-oss-120b",
        shipped={"prompt_microusd": 150_000, "completion_microusd": 600_000},
        listed={"prompt_microusd": 100_000},
        prompt_microusd=100_000,
        completion_microusd=600_000,
    )
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    snapshot.load_all()
    yield client
    for section in snapshot.SECTIONS.values():
        section.unload()


def send(api, method, url, body):
    answer = api.generic(method, url, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def test_a_price_is_set_shown_and_given_back(api):
    told = {
        "provider": "groq",
        "model": "openai/gpt-oss-120b",
        "prompt_usd": 0.1,
        "completion_usd": 0.6,
        "edited": False,
    }
    own = told | {"prompt_usd": 2.5, "completion_usd": None, "edited": True}

    assert api.get(PRICE).json() == told
    assert send(api, "PUT", PRICE, {"prompt_usd": 2.5, "completion_usd": None}) == (200, own)
    assert api.get("/api/pricing").json() == [own]
    assert api.delete(PRICE).status_code == 204
    assert api.get(PRICE).json() == told


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt_usd": 1}, "completion_usd"),
        ({"prompt_usd": -1, "completion_usd": 1}, "prompt_usd"),
        ({"prompt_usd": "1", "completion_usd": 1}, "prompt_usd"),
        ({"prompt_usd": 1, "completion_usd": 1e300}, "completion_usd"),
        ({"prompt_usd": 1, "completion_usd": 1, "model": "other"}, "model"),
        ({"prompt_usd": 1, "completion_usd": 1, "x": 1}, "x"),
    ],
)
def test_a_price_that_is_wrong_is_refused_by_name(api, body, field):
    status, answer = send(api, "PUT", PRICE, body)

    assert (status, list(answer["detail"])) == (400, [field])
    assert api.get(PRICE).json()["edited"] is False


@pytest.mark.parametrize("url", ["/api/pricing/nobody/m", "/api/pricing/groq/nothing"])
def test_no_such_model_has_no_price(api, url):
    assert api.get(url).status_code == 404
    assert api.delete(url).status_code == 404
    assert send(api, "PUT", url, {"prompt_usd": 1, "completion_usd": 1})[0] == 404


def test_a_provider_is_added_with_its_limits_and_first_model(api):
    body = {"name": "mine", "base_url": BASE + "/", "tags": ["fast"], "default_model": "my/model"}
    limits = {"requests": {"minute": 7}}

    status, row = send(api, "POST", "/api/providers", body | {"limits": limits})

    assert (status, row["base_url"], row["tags"], row["rpm_limit"]) == (201, BASE, ["fast"], 7)
    assert (row["default_model"], row["enabled"]) == ("my/model", True)
    assert Provider.objects.get(name="mine").is_custom
    assert [model["name"] for model in api.get("/api/providers/mine/models").json()] == ["my/model"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "Mine"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "mine\n"}, "name"),
        ({"base_url": None}, "base_url"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "https://{account_id}.example.com"}, "base_url"),
        ({"tags": "fast"}, "tags"),
        ({"limits": {"requests": {"minute": -1}}}, "limits"),
        ({"weight": -1}, "weight"),
        ({"has_key": True}, "has_key"),
    ],
)
def test_a_provider_that_is_wrong_is_refused_by_name(api, body, field):
    given = {"name": "mine", "base_url": BASE} | body if body else {"base_url": BASE}

    status, answer = send(api, "POST", "/api/providers", given)

    assert (status, list(answer["detail"])) == (400, [field])
    assert not Provider.objects.exclude(name="groq").exists()


def test_a_name_is_given_once(api):
    assert send(api, "POST", "/api/providers", {"name": "groq", "base_url": BASE}) == (
        409,
        {"detail": "There is a provider of that name."},
    )


def test_the_catalogue_is_shown_whatever_the_user_overrides(api):
    send(api, "PATCH", "/api/me/providers/groq", {"rpm_limit": 3, "weight": 9})

    row = api.get("/api/me/providers/groq/catalog").json()

    assert (row["rpm_limit"], row["weight"], row["key_url"]) == (30, 1.0, "https://upstream.test/keys")
    assert row["limits"] == [{"metric": "requests", "unit": "minute", "limit": 30}]
