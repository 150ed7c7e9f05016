"""Reading lists by hand: the routes, the command, the admin's actions, and what a stored key sets off."""

import io
import json
import threading
import time

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.providers.listing import background
from apps.providers.listing.background import Reader
from apps.providers.models import Credential, Provider, ProviderModel
from tests.providers.listings import KEY, credential, entry, fresh, names, provider, read

SECRET = KEY


@pytest.fixture(autouse=True)
def _listed(fake):
    fake.list_models("openrouter", [entry("a/one"), entry("a/two", price="0.000001")])


@pytest.fixture
def admin(db):
    return get_user_model().objects.create_superuser("root")


@pytest.fixture(autouse=True)
def urlconf(settings):
    settings.ROOT_URLCONF = "apps.gateway.api.urls"


def client_of(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


class TestRoutes:
    def test_a_user_reads_the_list_with_their_own_key(self, fake, user, router):
        credential(user, router)

        answer = client_of(user).post("/me/providers/openrouter/sync")

        assert answer.status_code == 200
        assert answer.json() == {
            "ok": True,
            "error": None,
            "models_seen": 2,
            "added": ["a/one", "a/two"],
            "updated": [],
            "vanished": [],
            "returned": [],
            "withheld": [],
            "kept": [],
            "passed_over": [],
            "doubts": [],
        }
        assert names() == {"a/one", "a/two"}

    def test_once_a_minute(self, fake, user, router):
        credential(user, router)
        client_of(user).post("/me/providers/openrouter/sync")

        answer = client_of(user).post("/me/providers/openrouter/sync")

        assert answer.status_code == 429
        assert int(answer["Retry-After"]) == 60
        assert sum(received.family == "models" for received in fake.journal) == 1

    def test_not_with_another_users_key(self, fake, user, router):
        credential(get_user_model().objects.create_user("bob"), router)

        assert client_of(user).post("/me/providers/openrouter/sync").status_code == 400
        assert not fake.journal

    def test_a_list_that_cannot_be_read_is_an_answer(self, fake, user, router):
        credential(user, router)
        fake.script("openrouter", ["error_500"], family="models")

        body = client_of(user).post("/me/providers/openrouter/sync").json()

        assert body["ok"] is False
        assert "problem of its own" in body["error"]

    def test_an_admin_reads_it_with_a_key_that_there_is(self, fake, user, admin, router):
        credential(user, router)

        assert client_of(admin).post("/providers/openrouter/sync").json()["models_seen"] == 2

    @pytest.mark.parametrize("path", ["/providers/openrouter/models", "/providers/openrouter/sync"])
    def test_the_providers_routes_are_for_admins(self, user, router, path):
        client = client_of(user)

        assert client.get(path).status_code == client.post(path).status_code == 403

    @pytest.mark.parametrize("path", ["/providers/nobody/models", "/me/providers/nobody/models"])
    def test_an_unknown_provider_is_404(self, admin, path):
        assert client_of(admin).get(path).status_code == 404

    def test_sync_takes_no_fields(self, admin, router):
        assert (
            client_of(admin).post("/providers/openrouter/sync", {"force": True}, format="json").status_code
            == 400
        )

    def test_models_say_who_told_what(self, fake, user, admin, router):
        ProviderModel.objects.create(provider=router, name="mine")
        ProviderModel.objects.create(
            provider=router, name="gone", shipped={"enabled": True, "task": "chat", "context_window": 0}
        )
        read(credential(user, router))
        ProviderModel.objects.filter(name="a/two").update(context_window=7)

        rows = {row["name"]: row for row in client_of(admin).get("/providers/openrouter/models").json()}

        assert {name: row["source"] for name, row in rows.items()} == {
            "a/one": "list",
            "a/two": "list",
            "gone": "catalogue",
            "mine": "operator",
        }
        assert rows["a/one"] == {
            "name": "a/one",
            "task": "chat",
            "enabled": True,
            "offered": True,
            "capabilities": ["tools"],
            "context_window": 65_536,
            "max_output_tokens": 8_192,
            "prompt_usd": None,
            "completion_usd": None,
            "access": "free",
            "tags": [],
            "source": "list",
            "inferred": ["task"],
            "edited": [],
            "seen_at": rows["a/one"]["seen_at"],
            "confirmed_at": None,
            "vanished_at": None,
            "retires_at": None,
            "state": None,
            "quotas": [],
        }
        assert (rows["a/two"]["prompt_usd"], rows["a/two"]["access"]) == (1.0, "prepaid")
        assert rows["a/two"]["edited"] == ["context_window"]
        assert rows["gone"]["vanished_at"]
        assert (rows["gone"]["offered"], rows["mine"]["offered"]) == (False, True)

    def test_a_user_sees_what_their_key_is_shown(self, fake, user, router):
        own = credential(user, router)
        read(own)
        Credential.objects.update(withheld=["a/two"])

        answer = client_of(user).get("/me/providers/openrouter/models")

        assert [row["name"] for row in answer.json()] == ["a/one"]

    def test_what_the_provider_told_is_in_the_users_row(self, fake, user, router):
        read(credential(user, router))

        row = client_of(user).get("/me/providers/openrouter").json()

        assert row["models_seen"] == 2
        assert row["models_error"] is None
        assert row["account"]["free_requests_today"] == 12
        assert row["models_read_at"] == row["account_read_at"]
        assert SECRET not in json.dumps(row)


class TestStoringAKey:
    @pytest.fixture
    def asked(self, monkeypatch):
        seen: list[int] = []
        monkeypatch.setattr(background.READER, "read_soon", seen.append)
        return seen

    def patch(self, user, **fields):
        return client_of(user).patch("/me/providers/openrouter", fields, format="json")

    def test_has_its_list_read_behind_the_answer(
        self, fake, user, router, asked, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            answer = self.patch(user, api_key=KEY)

        assert answer.status_code == 200
        assert asked == [Credential.objects.get().pk]
        assert not fake.journal

    def test_an_edit_of_something_else_does_not(
        self, fake, user, router, asked, django_capture_on_commit_callbacks
    ):
        read(credential(user, router))
        Credential.objects.update(listed_at="2026-11-27T00:00:00Z")

        with django_capture_on_commit_callbacks(execute=True):
            self.patch(user, weight=2.0)
            self.patch(user, api_key=KEY)

        assert asked == []

    @pytest.mark.django_db(transaction=True)
    def test_the_thread_reads_it(self, fake):
        own = credential(get_user_model().objects.create_user("ada"), provider(fake))

        assert Reader().read_soon(own.pk)

        give_up_at = time.monotonic() + 20
        while not fresh(own).account_facts.get("account") and time.monotonic() < give_up_at:
            time.sleep(0.05)
        assert names() == {"a/one", "a/two"}

    def test_what_waits_is_bounded(self, monkeypatch):
        monkeypatch.setattr(background, "MOST_WAITING", 2)
        monkeypatch.setattr(
            threading, "Thread", lambda **_: type("Never", (), {"start": lambda self: None})()
        )
        reader = Reader()

        assert [reader.read_soon(pk) for pk in (1, 2, 3)] == [True, True, False]


class TestCommand:
    def run(self, *arguments):
        out = io.StringIO()
        call_command("sync_models", *arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    def test_reads_the_lists_and_says_what_changed(self, fake, user, router):
        credential(user, router)

        said = json.loads(self.run("--json"))

        assert said["providers"]["openrouter"]["added"] == ["a/one", "a/two"]
        assert said["failed"] == {}
        assert names() == {"a/one", "a/two"}

    def test_check_exits_with_one_and_changes_nothing(self, fake, user, router):
        credential(user, router)

        with pytest.raises(SystemExit) as stopped:
            self.run("--check", "--json")

        assert stopped.value.code == 1
        assert not names()
        assert Credential.objects.get().listed_at is None

    def test_check_is_content_where_nothing_changed(self, fake, user, router):
        read(credential(user, router))

        assert "openrouter: nothing" in self.run("--check")

    def test_only_one_provider_and_one_user(self, fake, user, router):
        credential(user, router)
        credential(
            get_user_model().objects.create_user("bob"), provider(fake, "groq"), "gsk_canary_0123456789"
        )

        assert list(json.loads(self.run("--json", "--user", "bob"))["providers"]) == ["groq"]
        assert list(json.loads(self.run("--json", "--provider", "openrouter"))["providers"]) == ["openrouter"]

    @pytest.mark.parametrize("arguments", [("--provider", "nobody"), ("--user", "nobody")])
    def test_exits_with_two_for_what_is_unknown(self, router, arguments):
        with pytest.raises(CommandError) as error:
            self.run(*arguments)

        assert error.value.returncode == 2

    def test_exits_with_three_where_a_list_cannot_be_read(self, fake, user, router):
        credential(user, router)
        fake.script("openrouter", ["error_500"], family="models")

        with pytest.raises(SystemExit) as stopped:
            self.run()

        assert stopped.value.code == 3


class TestAdmin:
    @pytest.fixture(autouse=True)
    def urlconf(self, settings):
        settings.ROOT_URLCONF = "freeai.urls"

    @pytest.mark.parametrize("kind", ["provider", "credential"])
    def test_an_action_reads_the_lists_of_what_is_chosen(
        self, fake, user, admin, router, client, monkeypatch, kind
    ):
        own = credential(user, router)
        seen: list[int] = []
        monkeypatch.setattr(background.READER, "read_soon", seen.append)
        client.force_login(admin)
        chosen = router if kind == "provider" else own

        client.post(
            f"/admin/providers/{kind}/", {"action": "read_model_list", "_selected_action": [chosen.pk]}
        )

        assert seen == [own.pk]

    @pytest.mark.parametrize("query", ["", "?inferred=yes", "?inferred=no", "?vanished_at__isempty=0"])
    def test_the_list_of_models_shows_what_was_seen(self, fake, user, admin, router, client, query):
        read(credential(user, router))
        client.force_login(admin)

        page = client.get(f"/admin/providers/providermodel/{query}")

        assert page.status_code == 200
        assert ("a/one" in page.content.decode()) is (query in ("", "?inferred=yes"))

    def test_undoing_edits_goes_back_to_what_was_told(self, fake, user, admin, router, client):
        read(credential(user, router))
        ProviderModel.objects.filter(name="a/one").update(context_window=7)
        client.force_login(admin)

        client.post(
            "/admin/providers/providermodel/",
            {
                "action": "reset_to_catalogue",
                "_selected_action": [ProviderModel.objects.get(name="a/one").pk],
            },
        )

        assert ProviderModel.objects.get(name="a/one").context_window == 65_536

    def test_pages_show_the_dates_and_no_key(self, fake, user, admin, router, client):
        own = credential(user, router)
        read(own)
        client.force_login(admin)

        page = client.get(f"/admin/providers/credential/{own.pk}/change/").content.decode()

        assert "free_requests_today" in page
        assert SECRET not in page
        assert client.get(f"/admin/providers/provider/{Provider.objects.get().pk}/change/").status_code == 200
