"""`manage.py import_provider_keys`: from variables or a .env file into credentials, and never onto the screen."""

import io
import json

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.core.crypto import decrypt
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.key_import import find_new, variables
from apps.providers.models import Credential, Provider

pytestmark = pytest.mark.django_db
KEY = "gsk_test_canary_0123456789abcdef"
OTHER = "gsk_test_canary_another_0123"
ACCOUNT = "0af3c9d2"
VARIABLES = sorted({name for entry in read_catalogue() for name in entry.key_env})


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in [*VARIABLES, "CLOUDFLARE_ACCOUNT_ID", "ACME_KEY", "FREEAI_ACME"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def user(_catalogue):
    return get_user_model().objects.create_superuser("admin", password="horse")


@pytest.fixture
def _catalogue(db):
    sync()


def provider(name):
    return Provider.objects.get(name=name)


def stored(name):
    return decrypt(Credential.objects.get(provider__name=name).encrypted_key)


def run(*arguments):
    """Exit code, the results by provider, and all that was printed."""
    out, code = io.StringIO(), 0
    try:
        call_command("import_provider_keys", "--json", *arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    said = out.getvalue()
    assert KEY not in said
    assert OTHER not in said
    return code, {result["provider"]: result for result in json.loads(said)}, said


def said(*arguments):
    out = io.StringIO()
    call_command("import_provider_keys", *arguments, stdout=out)
    assert KEY not in out.getvalue()
    return out.getvalue()


@pytest.mark.parametrize(
    "entry", [entry for entry in read_catalogue() if entry.key_env], ids=lambda e: e.name
)
def test_takes_a_key_of_every_provider_from_each_of_its_variables(entry, monkeypatch):
    for name in entry.key_env:
        Credential.objects.all().delete()
        monkeypatch.setenv(name, KEY)

        _, results, _ = run()
        monkeypatch.delenv(name)

        assert set(results) == {entry.name}
        assert (results[entry.name]["variable"], results[entry.name]["action"]) == (
            (name, "imported") if entry.retired is None else (name, "retired")
        )
        assert Credential.objects.exclude(encrypted_key="").exists() is (entry.retired is None)


def test_no_two_providers_share_a_variable():
    assert len(variables()) == len(set(variables()))


def test_the_key_is_the_named_users(monkeypatch):
    alice = get_user_model().objects.create_user("alice")
    monkeypatch.setenv("GROQ_API_KEY", f" {KEY}\n")

    code, results, _ = run("--user", "alice")

    row = Credential.objects.get()
    assert (code, row.user, decrypt(row.encrypted_key)) == (0, alice, KEY)
    assert results["groq"]["key_preview"] == "gsk_***def"
    assert row.trusted_since is not None


def test_a_table_shows_variable_and_preview(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    assert said().split() == ["groq", "GROQ_API_KEY", "imported", "gsk_***def"]
    assert said().split() == ["groq", "GROQ_API_KEY", "unchanged", "gsk_***def"]


def test_with_nothing_to_do_it_names_the_variables():
    assert "GROQ_API_KEY" in said()
    assert run()[:2] == (0, {})


@pytest.mark.parametrize(
    ("options", "action", "key"),
    [([], "kept", OTHER), (["--replace"], "replaced", KEY), (["--replace", "--dry-run"], "replaced", OTHER)],
)
def test_a_stored_key_is_overwritten_only_where_that_is_asked_for(user, monkeypatch, options, action, key):
    set_key(user, provider("groq"), OTHER)
    Credential.objects.update(rpm_limit=5)
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    code, results, _ = run(*options)

    assert (code, results["groq"]["action"], stored("groq")) == (0, action, key)
    assert Credential.objects.get().rpm_limit == 5


def test_nothing_is_stored_under_other_master_keys(user, monkeypatch, settings):
    before = set_key(user, provider("groq"), KEY).encrypted_key
    settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]
    monkeypatch.setenv("MISTRAL_API_KEY", KEY)

    code, told = run()[:2]

    assert (code, told["mistral"]["action"]) == (1, "refused")
    assert list(Credential.objects.values_list("encrypted_key", flat=True)) == [before]


def test_a_stored_key_that_cannot_be_read_is_kept_as_well(user, monkeypatch, settings):
    before = set_key(user, provider("groq"), KEY).encrypted_key
    settings.FREEAI_MASTER_KEYS = [Fernet.generate_key().decode()]
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    assert run()[1]["groq"]["action"] == "kept"
    assert Credential.objects.get().encrypted_key == before


def test_overrides_without_a_key_are_no_key(user, monkeypatch):
    Credential.objects.create(user=user, provider=provider("groq"), rpm_limit=5)
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    assert run()[1]["groq"]["action"] == "imported"
    assert (stored("groq"), Credential.objects.get().rpm_limit) == (KEY, 5)


def test_dry_run_stores_nothing(monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    code, results, _ = run("--dry-run")

    assert (code, results["groq"]["action"], Credential.objects.exists()) == (0, "imported", False)
    assert "to import" in said("--dry-run")


@pytest.fixture
def told(user):
    """A key of which its provider told something."""
    credential = set_key(user, provider("cloudflare"), KEY)
    credential.evidence.create(metric="requests", period="day", limit=5, source="account", at=timezone.now())
    Credential.objects.update(withheld=["a"], listed_at=timezone.now(), settings={"account_id": "former"})
    return credential


def test_dry_run_forgets_nothing_that_a_stored_key_was_told(told, monkeypatch):
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", OTHER)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)

    run("--replace", "--dry-run")

    told.refresh_from_db()
    assert (stored("cloudflare"), told.withheld, told.settings["account_id"]) == (KEY, ["a"], "former")
    assert told.evidence.exists()


def test_other_settings_forget_what_was_told_to_the_former(told, monkeypatch):
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", KEY)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)

    run("--replace")

    told.refresh_from_db()
    assert (told.settings["account_id"], told.withheld, told.listed_at) == (ACCOUNT, [], None)
    assert not told.evidence.exists()


@pytest.mark.parametrize("text", ["two words", "schlüssel", "k" * 1_001])
def test_what_can_be_no_key_is_a_problem_and_does_not_stop_the_others(monkeypatch, text):
    monkeypatch.setenv("GROQ_API_KEY", text)
    monkeypatch.setenv("MISTRAL_API_KEY", KEY)

    code, results, printed = run()

    assert (code, results["groq"]["action"], results["mistral"]["action"]) == (1, "refused", "imported")
    assert text not in printed
    assert Credential.objects.count() == 1


def test_the_first_variable_that_holds_a_key_is_taken_and_another_one_told(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "")
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    assert run()[1]["gemini"]["variable"] == "GOOGLE_API_KEY"

    monkeypatch.setenv("GEMINI_API_KEY", "no key")
    assert run()[1]["gemini"]["variable"] == "GOOGLE_API_KEY"

    monkeypatch.setenv("GEMINI_API_KEY", OTHER)
    _, results, _ = run("--replace")
    assert (results["gemini"]["variable"], stored("gemini")) == ("GEMINI_API_KEY", OTHER)
    assert "GOOGLE_API_KEY" in results["gemini"]["remarks"][0]


def test_settings_beside_the_key_come_from_variables_too(monkeypatch):
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", KEY)

    code, results, _ = run()
    assert (code, results["cloudflare"]["missing_settings"]) == (1, ["account_id"])
    assert "CLOUDFLARE_ACCOUNT_ID" in results["cloudflare"]["remarks"][0]

    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "../elsewhere")
    assert run()[0] == 1

    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    code, results, _ = run()
    assert (code, results["cloudflare"]["action"]) == (0, "unchanged")
    assert Credential.objects.get().settings == {"account_id": ACCOUNT}


@pytest.mark.parametrize(("options", "account"), [([], "mine"), (["--replace"], ACCOUNT)])
def test_stored_settings_stay_as_the_key_does(user, monkeypatch, options, account):
    set_key(user, provider("cloudflare"), KEY)
    Credential.objects.update(settings={"account_id": "mine"})
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", KEY)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)

    run(*options)

    assert Credential.objects.get().settings == {"account_id": account}


def test_a_retired_provider_is_skipped_and_told(monkeypatch):
    Provider.objects.filter(name="groq").update(retired_on="2026-07-31", retired_because="It closed.")
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    code, results, _ = run()

    assert (code, results["groq"]["action"], Credential.objects.exists()) == (0, "retired", False)
    assert "2026-07-31. It closed." in results["groq"]["remarks"][0]


def test_a_provider_that_needs_money_is_told(monkeypatch):
    Provider.objects.filter(name="groq").update(access="prepaid")
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    _, results, _ = run()

    assert (results["groq"]["action"], results["groq"]["access"]) == ("imported", "prepaid")
    assert "needs money" in results["groq"]["remarks"][0]


@pytest.mark.parametrize("listed", [5, "ACME_KEY", {"ACME_KEY": 1}, [1, None, ["ACME_KEY"]], ["FREEAI_ACME"]])
def test_an_operators_list_of_variables_may_be_anything_but_leads_to_no_secret_of_ours(monkeypatch, listed):
    Provider.objects.create(name="acme", base_url="https://acme.test/v1", key_env=listed)
    monkeypatch.setenv("ACME_KEY", KEY)
    monkeypatch.setenv("FREEAI_ACME", KEY)

    assert run()[:2] == (0, {})


def test_a_wire_that_cannot_be_read_keeps_no_key_out(monkeypatch):
    Provider.objects.filter(name="groq").update(wire={"nonsense": True})
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    assert run()[1]["groq"]["action"] == "imported"


def test_reads_a_file_instead_of_the_environment(monkeypatch, tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(f'export GROQ_API_KEY="{KEY}" # mine\r\nMISTRAL_API_KEY=$GROQ_API_KEY\r\n'.encode())
    monkeypatch.setenv("COHERE_API_KEY", OTHER)

    code, results, _ = run("--env-file", str(path))

    assert (code, set(results), stored("groq")) == (1, {"groq", "mistral"}, KEY)
    assert (results["mistral"]["action"], results["mistral"]["is_problem"]) == ("refused", True)


@pytest.mark.parametrize("content", [None, f'A="{KEY}'.encode(), b"\xff"])
def test_a_file_that_cannot_be_read_is_refused_with_exit_code_2(tmp_path, content):
    path = tmp_path / ".env"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError) as error:
        run("--env-file", str(path))

    assert error.value.returncode == 2
    assert KEY not in str(error.value)


def test_an_unknown_user_is_refused_with_exit_code_2():
    with pytest.raises(CommandError) as error:
        run("--user", "nobody")

    assert error.value.returncode == 2


def test_what_is_new_is_what_the_user_has_no_key_for(user):
    environment = {"GROQ_API_KEY": KEY, "MISTRAL_API_KEY": KEY, "COHERE_API_KEY": "", "OTHER": KEY}
    set_key(user, provider("groq"), OTHER)

    assert [(found.provider.name, found.variable) for found in find_new(user, environment)] == [
        ("mistral", "MISTRAL_API_KEY")
    ]
