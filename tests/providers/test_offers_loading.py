"""The catalogue as it is read from the rows, bad ones included, and kept up to date."""

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from structlog.testing import capture_logs

from apps.core import snapshot
from apps.core.crypto import encrypt
from apps.core.redaction import scrub
from apps.core.snapshot import SECTIONS
from apps.providers.adapters import wire_for
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import check_master_keys, set_key
from apps.providers.errors import ErrorKind
from apps.providers.limit_headers import reported
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import CATALOGUE, load
from apps.providers.trust import trusted_anew

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


class TestLoading:
    def test_takes_four_queries_however_many_rows_there_are(self, user, django_assert_num_queries):
        for name in ("groq", "mistral", "gemini"):
            set_key(user, provider(name), KEY)

        with django_assert_num_queries(4):
            loaded = catalogue()
        with django_assert_num_queries(0):
            loaded.offers_for(user.pk)
            loaded.pinned(user.pk, "groq", "openai/gpt-oss-20b")

    def test_leaves_out_a_key_that_no_master_key_can_read_and_logs_it_without_the_key(self, user, settings):
        set_key(user, provider("groq"), KEY)
        set_key(user, provider("mistral"), "mistral-test-canary-0123456789")
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]
        Credential.objects.filter(provider__name="mistral").update(encrypted_key=encrypt(KEY))

        with capture_logs() as logs:
            offers = catalogue().offers_for(user.pk)

        assert {offer.provider for offer in offers} == {"mistral"}
        (line,) = [line for line in logs if line["event"] == "credential.unusable"]
        assert (line["log_level"], line["provider"]) == ("error", "groq")
        assert KEY not in repr(logs)
        assert encrypt(KEY)[:10] not in repr(line)

    def test_a_key_that_was_read_before_stays_open_under_other_master_keys(self, user, settings):
        set_key(user, provider("groq"), KEY)
        before = catalogue()
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]

        after = load(load(before))

        account = after.account(user.pk, "groq")
        assert account is not None and account.secret == KEY

    def test_is_loaded_anew_once_there_are_master_keys_that_may_read_it(self, user, settings):
        right = settings.FREEAI_MASTER_KEYS
        set_key(user, provider("groq"), KEY)
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]
        CATALOGUE.refresh()
        snapshot.poll()
        assert CATALOGUE.value.account(user.pk, "groq") is None

        settings.FREEAI_MASTER_KEYS = right
        snapshot.poll()

        account = CATALOGUE.value.account(user.pk, "groq")
        assert account is not None and account.secret == KEY

    def test_a_poll_loads_nothing_anew_for_nothing(self, user, settings, django_assert_num_queries):
        set_key(user, provider("groq"), KEY)
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]
        CATALOGUE.refresh()

        with django_assert_num_queries(1):
            snapshot.poll()

    def test_prefers_for_a_task_what_the_rows_say(self):
        preferred = {
            task: [facts.name for facts in catalogue().preferred(task)]
            for task in ("chat", "embedding", "transcription")
        }

        assert preferred == {
            "chat": [],
            "embedding": ["mistral", "gemini"],
            "transcription": ["groq", "gemini"],
        }

    def test_a_provider_that_an_operator_adds_can_say_all_that_a_file_can(self, user):
        wire = {
            "errors": {"queued": ["77"]},
            "limit_headers": [{"metric": "tokens", "units": ["hour"], "names": "x-left-{}"}],
            "key_prefixes": ["acme_"],
            "order": {"embedding": 0},
        }
        own = Provider.objects.create(
            name="acme", display_name="Acme", base_url="https://acme.test/v1", wire=wire, is_custom=True
        )
        ProviderModel.objects.create(provider=own, name="m")
        set_key(user, own, KEY)

        loaded = catalogue()
        (offer,) = loaded.offers_for(user.pk)
        error = wire_for(offer).parse_error(429, {}, b'{"error": {"code": "77", "message": "no"}}', offer)

        assert (error.kind, error.window, error.scope) == (ErrorKind.RATE_LIMITED, None, "account")
        assert [report.window.period for report in reported({"x-left-remaining": "0"}, offer, 0.0)] == [
            "hour"
        ]
        assert scrub("acme_0123456789") == "***"
        assert [facts.name for facts in loaded.preferred("embedding")] == ["acme", "mistral", "gemini"]

    def test_does_not_pretend_when_the_only_key_is_unreadable(self, user, settings):
        set_key(user, provider("groq"), KEY)
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]

        assert catalogue().offers_for(user.pk) == ()

    def test_counts_unreadable_keys_for_the_check_at_start(self, user, settings):
        set_key(user, provider("groq"), KEY)
        Credential.objects.create(user=user, provider=provider("mistral"))
        assert check_master_keys() == 0

        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]

        assert check_master_keys() == 1

    def test_leaves_out_a_provider_with_a_malformed_wire_and_keeps_the_others(self, user):
        set_key(user, provider("groq"), KEY)
        set_key(user, provider("mistral"), KEY)
        Provider.objects.filter(name="groq").update(wire={"typo": 1})

        with capture_logs() as logs:
            offers = catalogue().offers_for(user.pk)

        assert {offer.provider for offer in offers} == {"mistral"}
        assert [line["provider"] for line in logs if line["event"] == "provider.unusable"] == ["groq"]

    def test_leaves_out_a_model_with_malformed_limits_and_keeps_the_others(self, user):
        set_key(user, provider("zai"), KEY)
        ProviderModel.objects.filter(name="glm-4.6v-flash").update(limits=[{"metric": "requests"}])

        assert set(by_model(catalogue().offers_for(user.pk))) == {"glm-4.7-flash"}

    def test_does_not_show_keys_in_reprs(self, user):
        set_key(user, provider("groq"), KEY)

        assert KEY not in repr(catalogue().offers_for(user.pk))

    def test_names_the_credentials_whose_key_changed(self, user):
        for name in ("groq", "mistral", "gemini"):
            set_key(user, provider(name), KEY)
        before = catalogue()
        set_key(user, provider("groq"), KEY + "_new")
        set_key(user, provider("mistral"), KEY)
        set_key(user, provider("cerebras"), KEY)
        Credential.objects.filter(provider__name="gemini").update(weight=2)

        edited = {f"{user.pk}:{name}" for name in ("groq", "mistral", "cerebras")}
        assert set(trusted_anew(catalogue(), before)) == edited


class TestSection:
    @pytest.fixture(autouse=True)
    def _section(self):
        CATALOGUE.refresh()
        yield
        CATALOGUE.unload()

    def test_sees_a_new_key_at_commit(self, user, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            set_key(user, provider("groq"), KEY)

        assert {offer.provider for offer in CATALOGUE.value.offers_for(user.pk)} == {"groq"}

    @pytest.mark.parametrize("kind", [Provider, ProviderModel, Credential])
    def test_is_announced_at_every_save_and_delete(self, user, kind, django_capture_on_commit_callbacks):
        set_key(user, provider("groq"), KEY)
        row = kind.objects.first()

        with django_capture_on_commit_callbacks() as saved:
            row.save()
        with django_capture_on_commit_callbacks() as deleted:
            row.delete()

        assert saved
        assert deleted

    def test_is_registered_under_its_name(self):
        assert SECTIONS["providers"] is CATALOGUE
