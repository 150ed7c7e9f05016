"""What a key may be allowed: models, strategies and endpoints that there are."""

import pytest

from apps.clients import allowed, keys
from apps.clients.models import ClientKey
from apps.providers.models import Provider, ProviderModel
from apps.strategies.models import Strategy

URL = "/api/clients"


@pytest.fixture
def as_alice(api, alice):
    groq = Provider.objects.create(name="groq", base_url="https://api.groq.com/openai/v1")
    ProviderModel.objects.create(provider=groq, name="openai/gpt-oss-120b")
    Provider.objects.create(name="vllm", base_url="http://localhost:8000/v1")
    Strategy.objects.create(name="nightly", definition={})
    api.force_authenticate(alice)
    return api


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("allowed_models", "openai/gpt-oss-120b"),
        ("allowed_models", "groq/openai/gpt-oss-120b"),
        ("allowed_models", "vllm/whatever-it-has"),
        ("allowed_models", "freeai-fast"),
        ("allowed_models", "freeai-fastest"),
        ("allowed_models", "freeai-nightly"),
        ("allowed_strategies", "nightly"),
        ("allowed_strategies", "best_quality"),
        ("allowed_endpoints", "transcriptions"),
    ],
)
def test_what_there_is_may_be_allowed(as_alice, field, name):
    answer = as_alice.post(URL, {"name": "a", field: [name]})

    assert (answer.status_code, answer.json()[field]) == (201, [name])


@pytest.mark.parametrize(
    ("field", "name", "meant"),
    [
        ("allowed_models", "openai/gpt-oss-120B", "openai/gpt-oss-120b"),
        ("allowed_models", "groq/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("allowed_models", "freeai-nigthly", "freeai-nightly"),
        ("allowed_strategies", "fast", "fastest"),
        ("allowed_strategies", "Nightly", "nightly"),
        ("allowed_endpoints", "embedding", "embeddings"),
    ],
)
def test_what_nothing_bears_is_refused_with_the_nearest_name(as_alice, field, name, meant):
    answer = as_alice.post(URL, {"name": "a", field: [name]})

    assert answer.status_code == 400
    [said] = answer.json()["detail"][field]
    assert f"`{name}`" in said and f"Did you mean `{meant}`?" in said
    assert not ClientKey.objects.exists()


def test_a_name_that_resembles_nothing_is_refused_without_a_guess(as_alice):
    answer = as_alice.post(URL, {"name": "a", "allowed_strategies": ["zzzzzz"]})

    assert answer.json()["detail"]["allowed_strategies"] == ["There is no strategy `zzzzzz`."]


def test_the_number_of_queries_does_not_grow_with_the_list(as_alice, django_assert_max_num_queries):
    names = [f"groq/no-such-{number}" for number in range(200)]

    with django_assert_max_num_queries(5):
        answer = as_alice.post(URL, {"name": "a", "allowed_models": names})

    assert len(answer.json()["detail"]["allowed_models"]) == 200


def test_what_the_key_has_already_may_stay_when_it_is_gone(as_alice, alice):
    row = keys.issue(alice, "app", allowed_models=["was-there"]).row

    kept = as_alice.patch(f"{URL}/{row.key_hash}", {"allowed_models": ["was-there", "freeai-fast"]})
    other = as_alice.patch(f"{URL}/{row.key_hash}", {"allowed_models": ["was-there-too"]})

    assert (kept.status_code, other.status_code) == (200, 400)


@pytest.mark.parametrize("kind", allowed.KINDS)
def test_names_hold_what_can_be_seen(kind):
    assert allowed.problems(kind, ["fine", "right\u202eleft"]) == ["A name cannot hold the character U+202E."]
    assert allowed.problems(kind, ["right\u202eleft"], kept=["right\u202eleft"]) == []
