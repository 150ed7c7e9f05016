"""Client keys: their list, the one display of a secret, rotation and revocation."""

import tomllib
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from apps.clients import keys
from apps.clients.models import ClientKey
from apps.console.snippets import snippets_for
from tests.console.conftest import allow, signed_in, usage_event

LIST = "/admin/clients/clientkey/"


@pytest.fixture
def key(alice) -> ClientKey:
    return keys.issue(alice, "app", rpm_limit=60).row


def shown(page) -> str:
    return page.content.decode()


def test_the_list_tells_states_apart(alice):
    now = timezone.now()
    keys.issue(alice, "plain")
    keys.issue(alice, "ending", expires_at=now + timedelta(days=2))
    keys.issue(alice, "ended", expires_at=now - timedelta(days=2))
    keys.revoke(keys.issue(alice, "gone").row)
    browser = signed_in(alice)

    active, look, closed = (shown(browser.get(LIST, {"show": name})) for name in ("active", "look", "closed"))

    assert "plain" in active and "ending" in active and "ended" not in active
    assert "ending" in look and "Expires soon" in look and "plain" not in look
    assert "Expired" in closed and "Revoked" in closed and "plain" not in closed


def test_without_a_key_the_next_step_is_there(alice):
    assert "Issue the first key" in shown(signed_in(alice).get(LIST))


def test_staff_with_the_permission_see_all_and_may_see_theirs_alone(staff, key):
    browser = signed_in(allow(staff, "view_clientkey"))

    assert "app" in shown(browser.get(LIST)).partition("<tbody>")[2]
    assert "No client key yet" in shown(browser.get(LIST, {"whose": "mine"}))


def test_the_key_is_shown_once_with_code_to_paste(alice):
    form = {"name": "app", "enabled": "on", "weight": "1.0", "data_use": "any"} | dict.fromkeys(
        ("rpm_limit", "rpd_limit", "tpm_limit", "tpd_limit"), "0"
    )
    page = signed_in(alice).post(f"{LIST}add/", {**form, "allowed_models": "freeai-code"})

    raw = page.context["raw"]
    assert page.status_code == 200
    assert ClientKey.objects.get().key_hash == keys.digest(raw).hex()
    assert shown(page).count(raw) == 1 + 1  # itself, and the file to save
    assert "freeai-code" in shown(page) and "http://testserver/v1" in shown(page)
    assert {snippet.name for snippet in page.context["snippets"]} >= {
        *("curl", "Python", "Node", "LangChain", "Environment", "Claude Code", "Codex"),
    }


def test_rotation_asks_first_and_shows_the_new_key_once(alice, key):
    browser = signed_in(alice)
    path = f"{LIST}{key.pk}/rotate/"

    asked = browser.get(path)
    page = browser.post(path, {"grace_s": "3600"})

    assert "grace_s" in shown(asked) and ClientKey.objects.get().previous_hash
    assert ClientKey.objects.get().key_hash == keys.digest(page.context["raw"]).hex()
    assert "no-store" in page.headers["cache-control"]


@pytest.mark.parametrize("grace", ["", "-1", "999999999", "x"])
def test_a_rotation_needs_a_grace_that_is_offered(alice, key, grace):
    signed_in(alice).post(f"{LIST}{key.pk}/rotate/", {"grace_s": grace})

    assert ClientKey.objects.get().key_hash == key.key_hash


def test_revocation_asks_once_and_says_what_follows(alice, key):
    browser = signed_in(alice)
    path = f"{LIST}{key.pk}/revoke/"

    asked = shown(browser.get(path))
    assert "401" in asked and "never used" in asked and not ClientKey.objects.get().revoked_at

    browser.post(path)
    assert ClientKey.objects.get().revoked_at


@pytest.mark.parametrize("act", ["rotate", "revoke", "first-use"])
def test_another_users_key_is_not_there(bob, key, act):
    browser = signed_in(bob)

    assert browser.get(f"{LIST}{key.pk}/{act}/").status_code == 404
    assert browser.post(f"{LIST}{key.pk}/{act}/", {"grace_s": "0"}).status_code == 404
    assert ClientKey.objects.get().revoked_at is None


@pytest.mark.parametrize("act", ["rotate", "revoke"])
def test_who_may_only_see_a_key_does_nothing_to_it(staff, key, act):
    browser = signed_in(allow(staff, "view_clientkey"))

    assert browser.post(f"{LIST}{key.pk}/{act}/", {"grace_s": "0"}).status_code == 403
    assert ClientKey.objects.get().key_hash == key.key_hash


def test_the_page_of_a_new_key_learns_of_its_first_request(alice, key):
    browser = signed_in(alice)
    path = f"{LIST}{key.pk}/first-use/"

    assert "Waiting" in shown(browser.get(path))
    usage_event(alice, client_id=key.pk, at=timezone.now() + timedelta(seconds=1), latency_ms=214.0)
    assert "acme, 214 ms" in shown(browser.get(path))


def test_a_page_with_a_secret_that_is_loaded_again_issues_no_second_key(alice):
    browser = signed_in(alice)
    url = "/admin/clients/clientkey/add/"
    form = {
        "name": "app",
        "enabled": "on",
        "weight": "1",
        "data_use": "any",
        "once": browser.get(url).context["once"],
    }
    form |= dict.fromkeys(("rpm_limit", "rpd_limit", "tpm_limit", "tpd_limit"), "0")

    first = browser.post(url, form)
    again = browser.post(url, form, follow=True)
    another = browser.post(url, form | {"once": browser.get(url).context["once"]})

    assert b"the-key" in first.content and b"the-key" in another.content
    assert "has been issued already" in again.content.decode() and b"the-key" not in again.content
    assert ClientKey.objects.filter(name="app").count() == 2


def test_a_rotation_that_is_loaded_again_does_not_end_the_grace_of_the_secret_before(alice):
    key = keys.issue(alice, "app").row
    browser = signed_in(alice)
    url = f"/admin/clients/clientkey/{key.pk}/rotate/"
    form = {"grace_s": "3600", "of": key.key_hash}

    browser.post(url, form)
    key.refresh_from_db()
    rotated = (key.key_hash, key.previous_hash)
    again = browser.post(url, form, follow=True)

    key.refresh_from_db()
    assert (key.key_hash, key.previous_hash) == rotated
    assert "was rotated meanwhile" in again.content.decode()


def test_each_client_gets_the_address_that_it_wants_and_a_model_that_the_key_may_use(alice, settings):
    settings.PUBLIC_URL = "https://ai.test"
    key = keys.issue(alice, "app").row
    key.allowed_models = ["freeai-code"]

    texts = {one.name: "<key>".join(one.parts) for one in snippets_for(RequestFactory().get("/"), key)}

    assert "ANTHROPIC_BASE_URL=https://ai.test\n" in texts["Claude Code"]
    assert "ANTHROPIC_AUTH_TOKEN=<key>\n" in texts["Claude Code"]
    codex = tomllib.loads(texts["Codex"])
    assert codex["model_providers"]["freeai"]["base_url"] == "https://ai.test/v1"
    assert codex["model"] == "freeai-code" and "FREEAI_KEY=<key> codex" in texts["Codex"]
    assert not any("{" in text for name, text in texts.items() if name in ("Claude Code", "Codex"))
