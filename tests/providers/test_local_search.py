"""Finding and accepting local servers: by command, by `/api`, in the admin site and at start."""

import asyncio
import io
import json

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from apps.providers import local_search
from apps.providers.models import Credential, Provider
from apps.providers.offers import CATALOGUE, load
from tests.providers.probed import Page, running

pytestmark = pytest.mark.django_db
BODY = b'{"object": "list", "data": [{"id": "llama3.2:3b"}, {"id": "qwen3:8b"}]}'
MODELS = ["llama3.2:3b", "qwen3:8b"]


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch, settings):
    monkeypatch.setattr(local_search, "_found", {})
    settings.ROOT_URLCONF = "apps.providers.api.urls"


@pytest.fixture(scope="module")
def address():
    with running(lambda: Page(BODY)) as url:
        yield url


@pytest.fixture(autouse=True)
def boss(db):
    return get_user_model().objects.create_superuser("boss", password="horse")


@pytest.fixture
def ollama(address):
    return Provider.objects.create(name="ollama", base_url=address, requires_key=False)


@pytest.fixture(autouse=True)
def _others(address):
    """None of these may be asked, or be taken for local."""
    for name, columns in {
        "nobody": {"base_url": "http://127.0.0.1:9/v1"},
        "keyed": {"base_url": address, "requires_key": True},
        "away": {"base_url": "http://192.0.2.1/v1"},
        "sandbox": {"base_url": "sandbox://local/v1"},
        "ended": {"base_url": address, "retired_on": "2026-01-01", "enabled": False},
        "broken": {"base_url": address, "wire": {"nonsense": True}},
    }.items():
        Provider.objects.create(**({"name": name, "requires_key": False} | columns))


def run(*arguments):
    out, code = io.StringIO(), 0
    try:
        call_command("find_local_servers", *arguments, stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, out.getvalue().strip()


def api(user, body=None):
    client = APIClient()
    client.force_authenticate(user)
    return client.post("/providers/find-local", body, format="json")


class TestCommand:
    def test_tells_what_answers_and_uses_nothing(self, ollama):
        assert run() == (0, "ollama: 2 models")
        assert json.loads(run("--json")[1]) == [{"name": "ollama", "models": MODELS}]
        assert not Credential.objects.exists()

    def test_accepted_is_used_by_the_named_user(self, ollama):
        alice = get_user_model().objects.create_user("alice")
        Provider.objects.filter(name="ollama").update(enabled=False)

        assert run("--accept", "ollama", "--user", "alice") == (0, "ollama: 2 models, in use")

        row = Credential.objects.get()
        assert (row.user, row.provider.name, row.encrypted_key, row.enabled) == (alice, "ollama", "", True)
        assert row.provider.enabled

    def test_accepting_again_keeps_key_and_overrides(self, ollama, boss):
        Credential.objects.create(
            user=boss, provider=ollama, enabled=False, encrypted_key="sealed", rpm_limit=5
        )

        run("--accept", "ollama")

        row = Credential.objects.get()
        assert (row.enabled, row.encrypted_key, row.rpm_limit) == (True, "sealed", 5)

    @pytest.mark.parametrize("name", ["nobody", "keyed", "away", "sandbox", "ended", "broken"])
    def test_what_does_not_answer_is_not_accepted(self, name):
        assert run("--accept", name) == (1, "No local server answers.")
        assert not Credential.objects.exists()

    def test_an_unknown_name_is_exit_code_2(self):
        with pytest.raises(CommandError) as error:
            run("--accept", "nothing")

        assert error.value.returncode == 2

    def test_an_unknown_user_is_exit_code_2_and_enables_nothing(self, ollama):
        Provider.objects.filter(name="ollama").update(enabled=False)

        with pytest.raises(CommandError) as error:
            run("--accept", "ollama", "--user", "nobody")

        assert error.value.returncode == 2
        assert not Provider.objects.get(name="ollama").enabled


class TestApi:
    def test_tells_what_answers(self, ollama, boss):
        answer = api(boss)

        assert (answer.status_code, answer.json()) == (
            200,
            [{"name": "ollama", "models": MODELS, "accepted": False}],
        )
        assert local_search.models_seen("ollama") == 2
        assert local_search.models_seen("nobody") is None

    def test_accepts_for_the_admin_who_asks(self, ollama, boss):
        other = get_user_model().objects.create_superuser("other")

        answer = api(other, {"accept": "ollama"})

        assert (answer.status_code, answer.json()[0]["accepted"]) == (200, True)
        assert Credential.objects.get().user == other
        assert api(boss).json()[0]["accepted"] is False

    @pytest.mark.parametrize(
        "body", [{"accept": "nobody"}, {"accept": "no\x00thing"}, {"accept": 1}, {"x": 1}]
    )
    def test_refuses_what_does_not_answer(self, ollama, boss, body):
        assert api(boss, body).status_code == 400
        assert not Credential.objects.exists()

    def test_is_for_admins_only(self, ollama):
        assert api(get_user_model().objects.create_user("alice")).status_code == 403
        assert api(None).status_code in (401, 403)
        assert local_search.models_seen("ollama") is None

    def test_a_server_that_is_gone_is_not_shown_as_found(self, ollama, boss):
        api(boss)
        Provider.objects.filter(name="ollama").update(base_url="http://127.0.0.1:9/v1")

        assert api(boss).json() == []
        assert local_search.models_seen("ollama") is None


class TestAdminSite:
    def post(self, client, boss, action):
        client.force_login(boss)
        rows = list(Provider.objects.values_list("pk", flat=True))
        return client.post(
            "/admin/providers/provider/", {"action": action, "_selected_action": rows}, follow=True
        ).content.decode()

    @pytest.fixture(autouse=True)
    def _site(self, settings):
        settings.ROOT_URLCONF = "freeai.urls"
        admin.autodiscover()
        assert admin.site.is_registered(Provider)

    def test_looks(self, client, boss, ollama):
        assert "Found ollama, models: 2." in self.post(client, boss, "find_local")
        assert not Credential.objects.exists()

    def test_says_that_none_answers(self, client, boss):
        assert "None of these answers" in self.post(client, boss, "find_local")
        assert "None of these answers" in self.post(client, boss, "use_local")

    def test_accepts(self, client, boss, ollama):
        assert "In use: ollama." in self.post(client, boss, "use_local")
        assert Credential.objects.get().user == boss


class TestAtStart:
    def look(self):
        CATALOGUE.value = load(None)
        with capture_logs() as logs:
            asyncio.run(local_search.at_start())
        return [line for line in logs if line["event"] == "local_server.found"]

    def test_tells_how_to_use_what_answers(self, ollama):
        (line,) = self.look()

        assert (line["provider"], line["models"]) == ("ollama", 2)
        assert line["to_use_it"] == "manage.py find_local_servers --accept ollama"
        assert local_search.models_seen("ollama") == 2
        assert not Credential.objects.exists()

    def test_is_silent_of_what_is_in_use_or_disabled(self, ollama):
        run("--accept", "ollama")
        assert self.look() == []

        Credential.objects.all().delete()
        Provider.objects.filter(name="ollama").update(enabled=False)
        assert self.look() == []
