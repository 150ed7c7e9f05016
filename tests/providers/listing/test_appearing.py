"""What virtual models use when a list shows models that nobody knew."""

import pytest

from apps.providers.models import Credential, ProviderModel
from apps.providers.offers import load
from tests.providers.listings import (
    chosen,
    credential,
    entry,
    model,
    provider,
    read,
)

pytestmark = pytest.mark.django_db


pytestmark = pytest.mark.django_db


class TestAppearing:
    def test_every_free_model_comes_by_itself(self, fake, user, own):
        fake.list_models("openrouter", [entry("openai/gpt-oss-20b:free"), entry("acme/unheard-of:free")])

        outcome = read(own)

        assert outcome.summary.added == ["openai/gpt-oss-20b:free", "acme/unheard-of:free"]
        assert outcome.models_seen == 2
        assert chosen(user) == {"openai/gpt-oss-20b:free", "acme/unheard-of:free"}

    def test_takes_what_is_told(self, fake, own):
        fake.list_models(
            "openrouter", [entry("a/b", price="0.0000005", window=9_000, images=True, expires="2027-01-31")]
        )

        read(own)

        row = model("a/b")
        assert (row.context_window, row.max_output_tokens) == (9_000, 8_192)
        assert (row.prompt_microusd, row.completion_microusd, row.access) == (500_000, 500_000, "prepaid")
        assert row.capabilities == ["tools", "vision"]
        assert str(row.retires_at) == "2027-01-31"
        assert row.seen_at is not None

    @pytest.mark.parametrize(
        "pricing",
        [
            {"prompt": "1e9", "completion": "1e9"},
            {"prompt": "NaN", "completion": "0"},
            {"prompt": "free", "completion": "free"},
            {"prompt": "-1", "completion": "-1"},
            {"prompt": 1e300, "completion": 0},
            {"prompt": {}, "completion": []},
            {"prompt": "0"},
            {"prompt": "0", "completion": "0", "request": "0.01"},
            {"prompt": "0", "completion": "0", "image": "-1"},
            {"prompt": "0", "completion": "0", "internal_reasoning": "?"},
            {},
            "free",
            None,
        ],
    )
    def test_what_may_cost_something_is_not_free(self, fake, user, own, pricing):
        fake.list_models("openrouter", [entry("openai/gpt-oss-20b") | {"pricing": pricing}])

        read(own)

        assert model("openai/gpt-oss-20b").access == "prepaid"
        assert chosen(user) == set()

    def test_a_price_that_is_told_no_more_makes_nothing_free(self, fake, own):
        paid = entry("openai/gpt-oss-20b", price="0.000001")
        fake.list_models("openrouter", [paid])
        read(own)
        fake.list_models("openrouter", [paid | {"pricing": None}])

        read(own)

        assert model("openai/gpt-oss-20b").access == "prepaid"

    def test_what_the_catalogue_has_as_free_stays_so_where_no_price_is_told(self, fake, router, own):
        shipped = {"task": "chat", "enabled": True, "access": ""}
        ProviderModel.objects.create(provider=router, name="a/b:free", shipped=shipped)
        fake.list_models("openrouter", [entry("a/b:free") | {"pricing": None}])

        read(own)

        assert model("a/b:free").access == ""

    def test_infers_the_rest_from_the_family_and_says_so(self, fake, own):
        fake.list_models("openrouter", [entry("openai/gpt-oss-120b:free")])

        read(own)

        assert model("openai/gpt-oss-120b:free").tags == ["large"]
        assert set(model("openai/gpt-oss-120b:free").inferred) == {"task", "tags"}

    def test_every_model_that_generates_content_comes_by_itself(self, fake, user):
        gemini = provider(fake, "gemini")
        listed = [
            {
                "name": "models/gemini-9-flash",
                "supportedGenerationMethods": ["generateContent"],
                "inputTokenLimit": 5_000,
            },
            {"name": "models/learnlm-9", "supportedGenerationMethods": ["generateContent"], "thinking": True},
            {"name": "models/gemini-9-flash-preview-tts", "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/gemini-9-pro-preview", "supportedGenerationMethods": ["generateContent"]},
            {"name": "models/veo-9", "supportedGenerationMethods": ["predictLongRunning"]},
            {"name": "models/gemini-embedding-9", "supportedGenerationMethods": ["embedContent"]},
        ]
        fake.list_models("gemini", listed)

        outcome = read(credential(user, gemini, "AIzaSyCanary0123456789abcdefghijklmnopq"))

        assert chosen(user) == {"gemini-9-flash", "learnlm-9"}
        assert model("gemini-9-pro-preview").access == "prepaid"
        assert chosen(user, "embedding") == {"gemini-embedding-9"}
        assert chosen(user, "speech") == {"gemini-9-flash-preview-tts"}
        assert outcome.summary.passed_over == ["veo-9"]

    def test_what_nobody_knows_anything_of_is_only_for_those_who_name_it(self, fake, user):
        groq = provider(fake, "groq")
        fake.list_models(
            "groq", [{"id": "acme-new", "active": True}, {"id": "openai/gpt-oss-20b", "active": True}]
        )

        read(credential(user, groq, "gsk_canary_0123456789"))

        catalogue = load(None)
        assert chosen(user) == {"openai/gpt-oss-20b"}
        assert [offer.model for offer in catalogue.pinned(user.pk, "groq", "acme-new")] == ["acme-new"]
        assert [offer.model for offer in catalogue.aside(user.pk, "acme-new")] == ["acme-new"]

    def test_of_other_tasks_only_what_the_address_is_known_to_serve_comes(self, fake, user):
        groq = provider(fake, "groq")
        names = ["acme/reranker-9", "acme/llama-guard-9", "acme/flux-9", "acme/orpheus-9"]
        fake.list_models("groq", [{"id": name, "active": True} for name in names])

        outcome = read(credential(user, groq, "gsk_canary_0123456789"))

        assert chosen(user, "speech") >= {"acme/orpheus-9"}
        assert outcome.summary.passed_over == ["acme/reranker-9", "acme/llama-guard-9", "acme/flux-9"]

    def test_an_operator_who_says_what_it_can_do_makes_it_known(self, fake, user):
        groq = provider(fake, "groq")
        fake.list_models("groq", [{"id": "acme-new", "active": True}])
        own = credential(user, groq, "gsk_canary_0123456789")
        read(own)

        ProviderModel.objects.update(capabilities=["tools"])
        read(own)

        assert chosen(user) == {"acme-new"}
        assert model("acme-new").capabilities == ["tools"]

    def test_another_name_of_what_is_there_is_no_further_model(self, fake, user):
        mistral = provider(fake, "mistral")
        ProviderModel.objects.create(provider=mistral, name="mistral-small-latest", shipped={"enabled": True})
        listed = [
            {
                "id": "mistral-small-2603",
                "aliases": ["mistral-small-latest"],
                "capabilities": {"completion_chat": True},
            }
        ]
        fake.list_models("mistral", listed)

        outcome = read(credential(user, mistral, "canary0123456789"))

        assert (outcome.summary.added, outcome.summary.vanished) == ([], [])

    def test_what_the_catalogue_had_off_and_the_list_shows_is_on(self, fake, user):
        local = provider(fake, "ollama", requires_key=False)
        ProviderModel.objects.create(
            provider=local, name="gemma3", enabled=False, shipped={"enabled": False, "task": "chat"}
        )
        ProviderModel.objects.create(
            provider=local, name="shieldgemma", enabled=False, shipped={"enabled": False, "task": "chat"}
        )
        fake.list_models("ollama", [{"id": "gemma3"}, {"id": "shieldgemma"}])

        read(Credential.objects.create(user=user, provider=local))

        assert (model("gemma3").enabled, model("shieldgemma").enabled) == (True, False)
