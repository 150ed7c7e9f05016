"""Provider keys go in, and never come out: storage, commands, admin pages."""

import io
import json

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from rest_framework.test import APIClient

from apps.core import crypto
from apps.core.crypto import decrypt
from apps.providers.admin import CredentialAdmin, CredentialForm, ProviderForm, reset_to_catalogue
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import (
    MalformedKeyError,
    OtherMasterKeysError,
    remove_key,
    rotate_keys,
    set_key,
)
from apps.providers.models import Credential, Provider

pytestmark = pytest.mark.django_db
KEY = "gsk_test_canary_0123456789abcdef"


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("admin", password="horse")


@pytest.fixture
def groq():
    return Provider.objects.create(name="groq", display_name="Groq", base_url="https://api.groq.test/v1")


def run(name, *arguments):
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def store_behind(rotate, old, times):
    """`crypto.rotate`, behind which somebody stores the key with the old master key, so many times."""
    left = iter(range(times))

    def rotated(ciphertext):
        fresh = rotate(ciphertext)
        if next(left, None) is not None:
            Credential.objects.update(encrypted_key=Fernet(old[0]).encrypt(KEY.encode()).decode())
        return fresh

    return rotated


class TestSetKey:
    def test_stores_ciphertext_and_preview_only(self, user, groq):
        set_key(user, groq, f" {KEY}\n")

        row = Credential.objects.get()
        assert decrypt(row.encrypted_key) == KEY
        assert row.key_preview == "gsk_***def"
        assert KEY not in repr(vars(row))

    def test_replaces_the_key_and_keeps_the_overrides(self, user, groq):
        set_key(user, groq, KEY)
        Credential.objects.update(rpm_limit=5, enabled=False)

        set_key(user, groq, "gsk_test_canary_another_0123")

        row = Credential.objects.get()
        assert decrypt(row.encrypted_key) == "gsk_test_canary_another_0123"
        assert (row.rpm_limit, row.enabled) == (5, False)

    @pytest.mark.parametrize(
        "raw",
        ["", "  \n", "two words", "k\r\nx-header: 1", "schlüssel", "k" * 1_001, "gsk_...", "<your-key>"],
    )
    def test_refuses_what_cannot_be_a_key_without_repeating_it(self, user, groq, raw):
        with pytest.raises(MalformedKeyError) as error:
            set_key(user, groq, raw)

        assert not Credential.objects.exists()
        assert not raw.strip() or raw not in str(error.value)


@pytest.fixture
def other_master_keys(user, groq, settings):
    """A key is stored, and the master keys are others than those that can read it."""
    set_key(user, groq, KEY)
    settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]


@pytest.mark.usefixtures("other_master_keys")
class TestOtherMasterKeys:
    """What is stored under them could not be read any more once the right ones are back, and FreeAI would not start."""

    def test_nothing_is_stored(self, user, groq):
        before = Credential.objects.get().encrypted_key
        mistral = Provider.objects.create(name="mistral", base_url="https://api.mistral.test/v1")

        for provider in (groq, mistral):
            with pytest.raises(OtherMasterKeysError, match="Restore secrets/master_keys"):
                set_key(user, provider, "gsk_test_canary_another_0123")

        assert [row.encrypted_key for row in Credential.objects.all()] == [before]

    def test_the_command_says_so(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("gsk_test_canary_another_0123"))

        with pytest.raises(CommandError, match="Restore secrets/master_keys") as error:
            run("set_provider_key", "groq")

        assert error.value.returncode == 2

    def test_the_admin_site_says_so(self):
        class Form(CredentialForm):
            class Meta:
                model = Credential
                fields = ("enabled",)

        form = Form({"new_key": "gsk_test_canary_another_0123"}, instance=Credential.objects.get())

        assert "Restore secrets/master_keys" in str(form.errors["new_key"])

    def test_api_says_so(self, user):
        client = APIClient()
        client.force_authenticate(user)

        answer = client.patch("/api/me/providers/groq", {"api_key": "gsk_test_canary_another_0123"})

        assert (answer.status_code, list(answer.json()["detail"])) == (400, ["api_key"])

    def test_a_key_can_be_stored_again_once_what_is_lost_is_removed(self, user, groq):
        remove_key(user, groq)

        set_key(user, groq, "gsk_test_canary_another_0123")

        assert decrypt(Credential.objects.get().encrypted_key) == "gsk_test_canary_another_0123"

    def test_one_key_that_cannot_be_read_hinders_no_other(self, user, groq, settings):
        Provider.objects.create(name="mistral", base_url="https://api.mistral.test/v1")
        Credential.objects.create(
            user=user, provider=Provider.objects.get(name="mistral"), encrypted_key=crypto.encrypt("other")
        )

        set_key(user, groq, "gsk_test_canary_another_0123")

        assert decrypt(Credential.objects.get(provider=groq).encrypted_key) == "gsk_test_canary_another_0123"


def test_only_the_empty_text_removes_a_key_by_api(user, groq):
    set_key(user, groq, KEY)
    client = APIClient()
    client.force_authenticate(user)

    answers = [client.patch("/api/me/providers/groq", {"api_key": blank}) for blank in (" ", "\t\n")]

    assert [answer.json() for answer in answers] == [{"detail": {"api_key": ["The key is empty."]}}] * 2
    assert Credential.objects.get().encrypted_key


class TestRemoveKey:
    def test_forgets_the_key_and_keeps_the_overrides(self, user, groq):
        set_key(user, groq, KEY)
        Credential.objects.update(rpm_limit=5)

        assert remove_key(user, groq)

        row = Credential.objects.get()
        assert (row.encrypted_key, row.key_preview, row.rpm_limit) == ("", "", 5)

    def test_says_when_there_was_none(self, user, groq):
        assert not remove_key(user, groq)


class TestRotation:
    def test_re_encrypts_with_the_first_master_key(self, user, groq, settings):
        set_key(user, groq, KEY)
        fresh = Fernet.generate_key().decode()
        settings.FREEAI_MASTER_KEYS = [fresh, *settings.FREEAI_MASTER_KEYS]

        rotation = rotate_keys()

        settings.FREEAI_MASTER_KEYS = [fresh]
        assert (rotation.rotated, rotation.unreadable) == (1, [])
        assert decrypt(Credential.objects.get().encrypted_key) == KEY

    def test_rotates_what_another_process_stores_meanwhile(self, user, groq, settings, monkeypatch):
        set_key(user, groq, KEY)
        old, fresh = settings.FREEAI_MASTER_KEYS, Fernet.generate_key().decode()
        settings.FREEAI_MASTER_KEYS = [fresh, *old]
        stored_once_more = store_behind(crypto.rotate, old, times=1)
        monkeypatch.setattr(crypto, "rotate", stored_once_more)

        rotation = rotate_keys()

        assert (rotation.rotated, rotation.left) == (1, 0)
        assert crypto.is_current(Credential.objects.get().encrypted_key)

    def test_says_that_a_process_goes_on_with_the_old_key(self, user, groq, settings, monkeypatch):
        set_key(user, groq, KEY)
        old, fresh = settings.FREEAI_MASTER_KEYS, Fernet.generate_key().decode()
        settings.FREEAI_MASTER_KEYS = [fresh, *old]
        monkeypatch.setattr(crypto, "rotate", store_behind(crypto.rotate, old, times=99))

        assert rotate_keys().left == 1
        with pytest.raises(SystemExit) as exit_:
            run("rotate_master_key")
        assert exit_.value.code == 1

    def test_leaves_a_key_alone_that_no_master_key_can_read(self, user, groq, settings):
        row = set_key(user, groq, KEY)
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]

        rotation = rotate_keys()

        assert (rotation.rotated, rotation.unreadable) == (0, [row.pk])
        assert Credential.objects.get().encrypted_key == row.encrypted_key

    def test_command_exits_with_one_when_a_key_is_unreadable(self, user, groq, settings):
        set_key(user, groq, KEY)
        assert json.loads(run("rotate_master_key", "--json")) == {"rotated": 1, "unreadable": [], "left": 0}
        settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]

        with pytest.raises(SystemExit) as exit_:
            run("rotate_master_key")

        assert exit_.value.code == 1


class TestSetProviderKeyCommand:
    @pytest.fixture(autouse=True)
    def _stdin(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO(KEY + "\n"))

    def test_reads_the_key_from_standard_input_and_prints_the_preview_only(self, user, groq):
        said = run("set_provider_key", "groq", "--user", "admin")

        assert decrypt(Credential.objects.get(user=user).encrypted_key) == KEY
        assert "gsk_***def" in said
        assert KEY not in said

    def test_takes_the_first_superuser_where_none_is_named(self, user, groq):
        run("set_provider_key", "groq", "--json")

        assert Credential.objects.get().user == user

    def test_removes_a_key(self, user, groq):
        set_key(user, groq, KEY)

        assert json.loads(run("set_provider_key", "groq", "--remove", "--json")) == {"removed": True}
        assert Credential.objects.get().encrypted_key == ""

    @pytest.mark.parametrize("arguments", [("nothere",), ("groq", "--user", "nobody")])
    def test_exits_with_two_for_an_unknown_provider_or_user(self, user, groq, arguments):
        with pytest.raises(CommandError) as error:
            run("set_provider_key", *arguments)

        assert error.value.returncode == 2

    def test_exits_with_two_for_an_empty_key(self, user, groq, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO(""))

        with pytest.raises(CommandError, match="empty") as error:
            run("set_provider_key", "groq")

        assert error.value.returncode == 2


class TestAdmin:
    def form(self, user, groq, instance=None, **fields):
        data = {"user": user.pk, "provider": groq.pk, "enabled": "on", "limits": "{}"} | fields

        class Form(CredentialForm):
            class Meta:
                model = Credential
                fields = ["user", "provider", "enabled", "limits", "rpm_limit"]

        return Form(data, instance=instance)

    def test_sets_a_key_through_the_form(self, user, groq):
        form = self.form(user, groq, new_key=KEY)
        assert form.is_valid()

        form.save()

        row = Credential.objects.get()
        assert (decrypt(row.encrypted_key), row.key_preview) == (KEY, "gsk_***def")

    def test_keeps_the_key_where_the_field_is_left_empty(self, user, groq):
        row = set_key(user, groq, KEY)

        form = self.form(user, groq, instance=row, new_key="")
        assert form.is_valid()
        form.save()

        assert decrypt(Credential.objects.get().encrypted_key) == KEY

    def test_forgets_the_key_on_request(self, user, groq):
        row = set_key(user, groq, KEY)

        form = self.form(user, groq, instance=row, remove_key="on")
        assert form.is_valid()
        form.save()

        assert Credential.objects.get().encrypted_key == ""

    def test_never_renders_the_key_back(self, user, groq):
        form = self.form(user, groq, new_key=KEY, limits='{"requests": {"fortnight": 1}}')

        assert not form.is_valid()
        assert "limits.requests.fortnight" in str(form.errors)
        assert KEY not in form.as_p()

    def test_page_shows_the_preview_and_not_the_key(self, user, groq, client):
        row = set_key(user, groq, KEY)
        client.force_login(user)

        page = client.get(f"/admin/providers/credential/{row.pk}/change/").content.decode()

        assert "gsk_***def" in page
        assert 'type="password"' in page
        assert KEY not in page
        assert row.encrypted_key not in page

    @pytest.mark.parametrize("kind", ["provider", "providermodel", "credential"])
    def test_pages_open(self, user, client, kind):
        sync(read_catalogue())
        client.force_login(user)

        for path in ("", "add/"):
            assert client.get(f"/admin/providers/{kind}/{path}").status_code == 200

    def test_names_the_field_of_a_malformed_wire(self):
        class Form(ProviderForm):
            class Meta:
                model = Provider
                fields = ["wire", "limits"]

        form = Form(
            {"wire": '{"typo": 1}', "limits": '[{"metric": "requests", "unit": "fortnight", "limit": 1}]'}
        )

        assert "wire.typo" in str(form.errors["wire"])
        assert "limits[0]" in str(form.errors["limits"])

    def test_adding_a_provider_makes_it_custom(self, user, client):
        client.force_login(user)
        fields = {
            "name": "mine",
            "display_name": "Mine",
            "base_url": "https://mine.test/v1",
            "weight": "1",
            "access": "free",
        }

        client.post("/admin/providers/provider/add/", fields | {"wire": "{}", "limits": "[]", "tags": "[]"})

        assert Provider.objects.get(name="mine").is_custom

    def test_resets_edits_to_the_catalogue(self):
        sync(read_catalogue())
        Provider.objects.filter(name="groq").update(weight=9.0)

        reset_to_catalogue(None, HttpRequest(), Provider.objects.all())

        assert Provider.objects.get(name="groq").weight == 1.0

    def test_lists_credentials_without_a_query_for_each(self, user, client, django_assert_max_num_queries):
        sync(read_catalogue())
        for row in Provider.objects.all():
            set_key(user, row, KEY)
        client.force_login(user)

        with django_assert_max_num_queries(12):
            client.get("/admin/providers/credential/")

        assert "encrypted_key" not in CredentialAdmin.list_display
