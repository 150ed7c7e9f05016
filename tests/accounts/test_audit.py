"""Who changed what, when and from where; never a secret."""

import json

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from apps.accounts import jwts
from apps.clients import keys, tokens
from apps.core import audit
from apps.providers.models import Provider
from tests.accounts.conftest import PASSWORD, Browser

pytestmark = pytest.mark.django_db

CANARY = "gsk_canary0123456789abcdefghijklmnop"


def told():
    """The only entry, as far as it tells of an act."""
    entry = LogEntry.objects.get()
    return entry.additional_data, entry.get_action_display(), entry.object_repr, entry.changes


def everything():
    return json.dumps(list(LogEntry.objects.values()), default=str)


def test_a_change_by_api_tells_who_by_which_token_and_from_where(root, alice):
    token = tokens.issue("ci").raw

    Browser().send(
        "PATCH", f"/api/users/{alice.pk}", {"email": "new@example.com"}, **{"x-admin-token": token}
    )

    entry = LogEntry.objects.get()
    assert told() == (
        {"via": "api", "by": "root", "token": "ci"},
        "update",
        "alice",
        {"email": ["alice@example.com", "new@example.com"]},
    )
    assert (entry.actor, entry.remote_addr) == (root, "127.0.0.1")


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(root, alice, settings):
    settings.TRUST_PROXY = True
    headers = {
        "authorization": f"Bearer {jwts.issue(root).access}",
        "x-forwarded-for": "203.0.113.9, 198.51.100.7",
    }

    Browser().send("PATCH", f"/api/users/{alice.pk}", {"email": "new@example.com"}, **headers)

    assert LogEntry.objects.get().remote_addr == "198.51.100.7"


def test_a_change_in_the_admin_site_is_told(root, client):
    client.force_login(root)

    client.post("/admin/auth/group/add/", {"name": "readers"})

    signature, action, name, _ = told()
    assert (signature, action, name) == ({"via": "admin", "by": "root"}, "create", "readers")


def test_a_command_is_told_with_its_name(alice):
    issued = keys.issue(alice, "app")

    with audit.acting("command revoke_client_key"):
        call_command("revoke_client_key", issued.row.key_hash)

    signature, action, _, changes = told()
    assert (signature["via"], action, list(changes)) == (
        "command revoke_client_key",
        "update",
        ["revoked_at"],
    )
    assert signature["by"]


def test_groups_of_a_user_are_told(root, alice):
    Group.objects.create(name="readers")

    Browser().send(
        "PATCH",
        f"/api/users/{alice.pk}",
        {"groups": ["readers"]},
        authorization=f"Bearer {jwts.issue(root).access}",
    )

    assert told()[3]["groups"]["objects"] == ["readers"]


def test_who_is_deleted_stays_named(root, alice):
    bearer = {"authorization": f"Bearer {jwts.issue(alice).access}"}
    Browser().send("POST", "/api/clients", {"name": "app"}, **bearer)
    alice.delete()

    assert LogEntry.objects.get().additional_data["by"] == "alice"


def test_what_the_gateway_does_by_itself_is_nobodys_act(alice):
    Provider.objects.create(name="groq", display_name="Groq", base_url="https://upstream.test")
    keys.issue(alice, "app")

    assert not LogEntry.objects.exists()


def test_reading_and_signing_in_leave_no_entry(browser, root):
    browser.sign_in("root")
    browser.get("/api/users")

    assert not LogEntry.objects.exists()


def test_no_entry_holds_a_secret(root, alice):
    Provider.objects.create(name="groq", display_name="Groq", base_url="https://upstream.test")
    browser = Browser()
    bearer = {"authorization": f"Bearer {jwts.issue(root).access}"}

    browser.send("PATCH", "/api/me/providers/groq", {"api_key": CANARY}, **bearer)
    issued = browser.send("POST", "/api/clients", {"name": "app"}, **bearer).json()
    browser.send("POST", "/api/users", {"username": "carol", "password": PASSWORD}, **bearer)
    browser.send("PATCH", f"/api/users/{alice.pk}", {"password": PASSWORD + "!"}, **bearer)

    texts = everything()
    stored = root.credentials.get().encrypted_key
    hashes = list(User.objects.values_list("password", flat=True))
    assert LogEntry.objects.count() >= 4
    for secret in (CANARY, stored, issued["api_key"], issued["key_hash"], PASSWORD, *hashes):
        assert secret not in texts
        assert secret[len(secret) // 2 :] not in texts


def test_the_admin_site_shows_it_and_lets_nobody_edit_it(root, alice, client):
    with audit.acting("command x"):
        alice.email = "new@example.com"
        alice.save()
    entry = LogEntry.objects.get()
    client.force_login(root)

    page = client.get(f"/admin/auditlog/logentry/{entry.pk}/change/")
    listed = client.get("/admin/auditlog/logentry/")

    assert "command x" in page.content.decode() and "command x" in listed.content.decode()
    assert client.post(f"/admin/auditlog/logentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/auditlog/logentry/{entry.pk}/change/", {}).status_code == 403


def test_a_first_provider_key_is_one_act(root, client, monkeypatch):
    for name in ("groq", "mistral"):
        Provider.objects.create(
            name=name, base_url="https://upstream.test", key_env=[f"{name.upper()}_API_KEY"]
        )
    bearer = {"authorization": f"Bearer {jwts.issue(root).access}"}
    monkeypatch.setenv("MISTRAL_API_KEY", CANARY)

    Browser().send("PATCH", "/api/me/providers/groq", {"api_key": CANARY, "rpm_limit": 5}, **bearer)
    with audit.acting("command import_provider_keys"):
        call_command("import_provider_keys", "--json", "--user", "root")

    entries = LogEntry.objects.filter(object_repr__startswith="root @").order_by("pk")
    assert [(entry.object_repr, entry.get_action_display()) for entry in entries] == [
        ("root @ groq", "create"),
        ("root @ mistral", "create"),
    ]
    assert entries[0].changes["key_preview"] == ["None", "gsk_***nop"]
