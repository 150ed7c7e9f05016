"""What each user is offered, from rows to offers."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import remove_key, set_key
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import load
from apps.providers.types import Price

pytestmark = pytest.mark.django_db
KEY = "gsk_test_canary_0123456789abcdef"


@pytest.fixture(autouse=True)
def _shipped_catalogue():
    sync(read_catalogue())


@pytest.fixture
def user():
    return get_user_model().objects.create_user("ada")


def provider(name):
    return Provider.objects.get(name=name)


def catalogue():
    return load(None)


def by_model(offers):
    return {offer.model: offer for offer in offers}


class TestAutomaticRouting:
    def test_offers_the_enabled_chat_models_of_the_users_providers(self, user):
        set_key(user, provider("groq"), KEY)
        set_key(user, provider("nvidia"), "nvapi-test-canary-0123456789")

        offers = catalogue().offers_for(user.pk)

        assert {offer.provider for offer in offers} == {"groq", "nvidia"}
        assert "whisper-large-v3" not in by_model(offers)
        assert "openai/gpt-oss-safeguard-20b" not in by_model(offers)  # ships disabled

    def test_fills_an_offer_from_provider_model_and_credential(self, user):
        set_key(user, provider("groq"), KEY)
        Credential.objects.update(weight=2.5, max_retries=3)

        offer = by_model(catalogue().offers_for(user.pk))["openai/gpt-oss-120b"]

        assert (offer.provider, offer.base_url) == ("groq", "https://api.groq.com/openai/v1")
        assert offer.api_key == KEY
        assert (offer.weight, offer.max_retries, offer.user_id) == (2.5, 3, user.pk)
        assert offer.tags == ("fast", "cheap", "audio", "large")
        assert (offer.context_window, offer.max_output_tokens) == (131_072, 65_536)
        assert (offer.price.prompt_microusd, offer.price.completion_microusd) == (150_000, 600_000)
        assert (offer.subject.credential, offer.subject.candidate) == (
            f"{user.pk}:groq",
            f"{user.pk}:groq|openai/gpt-oss-120b",
        )

    @pytest.mark.parametrize(
        ("task", "prompt", "completion", "price"),
        [
            ("chat", 5, 7, Price(5, 7)),
            ("chat", 5, None, None),
            ("chat", None, 7, None),
            ("embedding", 5, None, Price(5, 0)),
            ("embedding", None, None, None),
        ],
    )
    def test_half_a_price_is_none_unless_there_is_no_other_half(self, user, task, prompt, completion, price):
        row = provider("groq")
        ProviderModel.objects.create(
            provider=row, name="any", task=task, prompt_microusd=prompt, completion_microusd=completion
        )
        set_key(user, row, KEY)

        assert by_model(catalogue().offers_for(user.pk, task))["any"].price == price

    def test_gives_an_offer_the_windows_of_account_and_model(self, user):
        set_key(user, provider("groq"), KEY)
        Credential.objects.update(rpd_limit=99)

        offer = by_model(catalogue().offers_for(user.pk))["openai/gpt-oss-120b"]

        limits = {window.key.split(":")[1]: window.limit for window in offer.subject.windows}
        assert limits == {
            "groq#requests/minute": 0,  # nothing is counted for the account: these show what was used
            "groq#requests/day": 0,
            "groq#tokens/day": 0,
            "groq|openai/gpt-oss-120b#requests/minute": 30,
            "groq|openai/gpt-oss-120b#requests/day": 99,
            "groq|openai/gpt-oss-120b#tokens/minute": 8_000,
            "groq|openai/gpt-oss-120b#tokens/day": 200_000,
            "groq|openai/gpt-oss-120b#requests/second": 0,  # refusals may teach that there is such a limit
            "groq#requests/second": 0,
        }

    def test_shows_the_same_account_windows_on_every_model(self, user):
        set_key(user, provider("gemini"), KEY)

        offers = catalogue().offers_for(user.pk)

        assert len({offer.subject.windows[:3] for offer in offers}) == 1

    def test_takes_away_what_the_wire_cannot_do(self, user):
        ProviderModel.objects.filter(provider__name="groq").update(capabilities=["tools", "n", "logprobs"])
        set_key(user, provider("groq"), KEY)

        offers = catalogue().offers_for(user.pk)

        assert {offer.capabilities for offer in offers} == {frozenset({"tools"})}

    def test_marks_the_credentials_default_model_or_else_the_providers(self, user):
        set_key(user, provider("groq"), KEY)
        set_key(user, provider("zai"), KEY)
        Credential.objects.filter(provider__name="groq").update(default_model="openai/gpt-oss-20b")

        defaults = {offer.model for offer in catalogue().offers_for(user.pk) if offer.is_default}

        assert defaults == {"openai/gpt-oss-20b", "glm-4.7-flash"}

    def test_falls_back_to_the_providers_default_where_the_chosen_model_is_gone(self, user):
        set_key(user, provider("groq"), KEY)
        Credential.objects.update(default_model="gone")

        defaults = [offer.model for offer in catalogue().offers_for(user.pk) if offer.is_default]

        assert defaults == ["openai/gpt-oss-120b"]

    def test_offers_nothing_of_another_user(self, user):
        set_key(get_user_model().objects.create_user("eve"), provider("groq"), KEY)

        assert {offer.provider for offer in catalogue().offers_for(user.pk)} == {"sandbox"}

    def test_leaves_out_disabled_providers_and_credentials(self, user):
        for name in ("groq", "cerebras", "mistral"):
            set_key(user, provider(name), KEY)
        Provider.objects.filter(name="groq").update(enabled=False)
        Credential.objects.filter(provider__name="cerebras").update(enabled=False)

        assert {offer.provider for offer in catalogue().offers_for(user.pk)} == {"mistral"}

    def test_offers_a_keyless_provider_to_those_with_a_credential_for_it(self, user):
        local = Provider.objects.create(
            name="local", base_url="http://localhost:11434/v1", requires_key=False
        )
        ProviderModel.objects.create(provider=local, name="tiny")
        Credential.objects.create(user=user, provider=local)

        (offer,) = catalogue().offers_for(user.pk)

        assert (offer.provider, offer.model, offer.api_key) == ("local", "tiny", "")

    @pytest.mark.parametrize(
        ("task", "providers", "defaults"),
        [
            ("embedding", {"mistral", "gemini"}, {"mistral-embed", "gemini-embedding-001"}),
            ("transcription", {"groq", "mistral", "gemini"},
             {"whisper-large-v3-turbo", "voxtral-mini-latest", "gemini-3.5-flash-lite"}),
        ],
    )  # fmt: skip
    def test_offers_the_models_of_other_tasks_with_their_defaults(self, user, task, providers, defaults):
        for name in ("groq", "mistral", "gemini"):
            set_key(user, provider(name), KEY)

        offers = catalogue().offers_for(user.pk, task)

        assert {offer.provider for offer in offers} == providers
        assert {offer.model for offer in offers if offer.is_default} == defaults
        assert {offer.task for offer in offers} == {task}

    def test_transcribes_with_geminis_hearing_models_only(self, user):
        set_key(user, provider("gemini"), KEY)

        models = set(by_model(catalogue().offers_for(user.pk, "transcription")))

        assert "gemini-3.8-flash" in models
        assert "gemma-4-31b-it" not in models


class TestSandbox:
    def test_answers_a_user_without_any_key(self, user):
        (offer,) = catalogue().offers_for(user.pk)

        assert (offer.provider, offer.model, offer.is_default) == ("sandbox", "ok", True)
        assert not catalogue().has_credentials(user.pk)

    def test_steps_back_once_there_is_a_key(self, user):
        set_key(user, provider("groq"), KEY)

        assert {offer.provider for offer in catalogue().offers_for(user.pk)} == {"groq"}
        assert catalogue().has_credentials(user.pk)

    def test_does_not_pretend_when_the_users_keys_are_disabled(self, user):
        set_key(user, provider("groq"), KEY)
        Credential.objects.update(enabled=False)

        assert catalogue().offers_for(user.pk) == ()
        assert not catalogue().has_credentials(user.pk)

    def test_answers_again_after_the_last_key_was_removed(self, user):
        set_key(user, provider("groq"), KEY)
        remove_key(user, provider("groq"))

        assert [offer.model for offer in catalogue().offers_for(user.pk)] == ["ok"]

    def test_is_silent_when_disabled(self, user):
        Provider.objects.filter(name="sandbox").update(enabled=False)

        assert catalogue().offers_for(user.pk) == ()
        assert not catalogue().pinned(user.pk, "sandbox", "slow")

    def test_opens_every_script_to_everybody_who_names_it(self, user):
        set_key(user, provider("groq"), KEY)

        (offer,) = catalogue().pinned(user.pk, "sandbox", "error_503")

        assert (offer.model, offer.subject.credential) == ("error_503", f"{user.pk}:sandbox")


class TestOffersAt:
    def test_a_users_account_have_every_model_there_once(self, user):
        other = get_user_model().objects.create_user("eve")
        for owner in (user, other):
            set_key(owner, provider("gemini"), KEY)

        loaded = catalogue()
        offers = [
            offer
            for account in loaded.accounts()
            for offer in loaded.offers_at(account.user_id, account.provider)
        ]

        candidates = [offer.subject.candidate for offer in offers]
        assert len(candidates) == len(set(candidates)) == 2 * 9
        assert {offer.task for offer in offers} == {"chat", "embedding", "speech"}


class TestPinned:
    def test_is_the_one_offer_that_was_named(self, user):
        set_key(user, provider("groq"), KEY)

        (offer,) = catalogue().pinned(user.pk, "groq", "openai/gpt-oss-20b")

        assert offer == by_model(catalogue().offers_for(user.pk))["openai/gpt-oss-20b"]

    @pytest.mark.parametrize("name", [("groq", "gone"), ("gone", "ok"), ("mistral", "mistral-small-latest")])
    def test_is_empty_for_what_the_user_cannot_reach(self, user, name):
        set_key(user, provider("groq"), KEY)

        assert not catalogue().pinned(user.pk, *name)


class TestFacts:
    def test_know_which_models_exist_for_anybody(self):
        assert catalogue().offers_model("openai/gpt-oss-120b")
        assert not catalogue().offers_model("gpt-9")
        assert not catalogue().offers_model("error_500")

    def test_do_not_know_models_of_disabled_providers(self):
        Provider.objects.filter(name="mistral").update(enabled=False)

        assert not catalogue().offers_model("mistral-small-latest")
        assert not catalogue().providers["mistral"].enabled

    def test_show_the_windows_of_an_account_without_a_credential(self, user):
        windows = catalogue().account_windows(user.pk, "nvidia")

        assert {f"{window.metric}/{window.period}": window.limit for window in windows} == {
            "requests/minute": 40,
            "requests/day": 10_000,
            "tokens/day": 0,
        }
        assert catalogue().account_windows(user.pk, "gone") == ()


class TestWhatIsCounted:
    @pytest.fixture
    def acme(self, user):
        """A provider of one's own, with a model of each kind."""
        row = Provider.objects.create(
            name="acme", base_url="https://acme.test", default_model="free", is_custom=True
        )
        models: dict[str, dict[str, Any]] = {
            "free": {},
            "priced": {"prompt_microusd": 0, "completion_microusd": 5},
            "seeing": {"capabilities": ["vision"]},
            "vectors": {"task": "embedding"},
            "ears": {"task": "transcription"},
        }
        for name, fields in models.items():
            ProviderModel.objects.create(provider=row, name=name, **fields)
        set_key(user, row, "a-key-of-acme-0123456789")
        return row

    def counts(self, user, acme, *limits):
        acme.limits = list(limits)
        acme.save()
        found = catalogue()
        tasks = ("chat", "embedding", "transcription")
        return {offer.model: offer.counts for task in tasks for offer in found.offers_for(user.pk, task)}

    @pytest.mark.parametrize(
        ("metric", "models"),
        [
            ("requests", set()),
            ("tokens", set()),
            ("input_tokens", {"free", "priced", "seeing", "vectors", "ears"}),
            ("concurrency", {"free", "priced", "seeing", "vectors", "ears"}),
            ("money", {"priced"}),
            ("neurons", {"priced"}),
            ("images", {"seeing"}),
            ("inputs", {"vectors"}),
            ("audio_seconds", {"ears"}),
        ],
    )
    def test_of_a_model_is_what_its_calls_can_take(self, user, acme, metric, models):
        declared = {"metric": metric, "limit": 9} | ({} if metric == "concurrency" else {"unit": "day"})

        found = self.counts(user, acme, declared)

        assert {model for model, counts in found.items() if counts} == models
        assert set(found.values()) <= {(), (metric,)}

    def test_for_each_model_is_counted_for_those_that_nobody_lists_together(self, user, acme):
        acme.limits = [
            {"metric": "requests", "unit": "hour", "limit": 5, "each": True},
            {"metric": "requests", "unit": "day", "limit": 50, "models": ["*:free"]},
        ]
        acme.save()

        [one] = catalogue().unlisted(user.pk, "acme", "new:free", "embedding")
        [two] = catalogue().unlisted(user.pk, "acme", "other", "embedding")

        hourly, daily = f"{user.pk}:acme|*#requests/hour", f"{user.pk}:acme&*:free#requests/day"
        assert {hourly, daily} <= {window.key for window in one.subject.windows}
        assert hourly in {window.key for window in two.subject.windows}
        assert daily not in {window.key for window in two.subject.windows}
