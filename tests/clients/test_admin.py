"""The admin pages of keys and tokens."""

import json
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from apps.clients import keys, tokens
from apps.clients.models import AdminToken, ClientKey

KEYS = "/admin/clients/clientkey/"
TOKENS = "/admin/clients/admintoken/"


@pytest.fixture
def site(client, root):
    client.force_login(root)
    return client


def shown_secret(page):
    """The secret of the answer, which no cache and no cookie keeps."""
    assert "no-store" in page.headers["cache-control"]
    raw: str = page.context["raw"]
    assert raw in page.content.decode()
    assert all(raw not in morsel.value for morsel in page.cookies.values())
    return raw


def key_form(user, **fields):
    lists = {"allowed_models": "[]", "allowed_strategies": "[]", "allowed_endpoints": "[]"}
    limits = dict.fromkeys(("rpm_limit", "rpd_limit", "tpm_limit", "tpd_limit"), "0")
    plain = {"user": user.pk, "name": "app", "enabled": "on", "weight": "1.0", "data_use": "any"}
    return {**plain, **limits, **lists, **fields}


def test_issuing_shows_the_key_exactly_once(site, alice):
    page = site.post(f"{KEYS}add/", key_form(alice), follow=True)

    raw = shown_secret(page)
    row = ClientKey.objects.get()
    assert row.key_hash == keys.digest(raw).hex()
    assert row.user == alice
    for path in (KEYS, f"{KEYS}{row.pk}/change/", f"{KEYS}{row.pk}/history/", "/admin/"):
        assert raw[4:24] not in site.get(path).content.decode()


def test_issued_key_opens_with_its_restrictions(site, alice, loaded, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        page = site.post(f"{KEYS}add/", key_form(alice, allowed_models='["freeai-fast"]'), follow=True)

    assert keys.verify(shown_secret(page), 0.0).allowed_models == {"freeai-fast"}


@pytest.mark.parametrize("value", ['"freeai-fast"', '{"a": 1}', "[1]", '[""]', "5", "nonsense"])
def test_what_is_no_list_of_names_is_refused(site, alice, value):
    page = site.post(f"{KEYS}add/", key_form(alice, allowed_models=value))

    assert "allowed_models" in page.context["adminform"].form.errors
    assert not ClientKey.objects.exists()


@pytest.mark.parametrize("value", ["freeai-fast\n freeai-code \n\n", '["freeai-fast", "freeai-code"]'])
def test_names_stand_one_a_line_or_in_a_list(site, alice, value):
    site.post(f"{KEYS}add/", key_form(alice, allowed_models=value))

    row = ClientKey.objects.get()
    assert row.allowed_models == ["freeai-fast", "freeai-code"]
    assert "freeai-fast\nfreeai-code" in site.get(f"{KEYS}{row.pk}/change/").content.decode()


def test_an_empty_list_field_means_everything(site, alice):
    site.post(f"{KEYS}add/", key_form(alice, allowed_models="", allowed_strategies="null"))

    row = ClientKey.objects.get()
    assert (row.allowed_models, row.allowed_strategies) == ([], [])


def test_editing_shows_no_secret_and_keeps_key_and_owner(site, alice, bob):
    row = keys.issue(alice, "app").row

    page = site.post(f"{KEYS}{row.pk}/change/", key_form(bob, name="renamed", rpm_limit="7"), follow=True)

    assert "not shown again" not in page.content.decode()
    changed = ClientKey.objects.get()
    assert (changed.name, changed.rpm_limit, changed.user) == ("renamed", 7, alice)
    assert changed.key_hash == row.key_hash
    assert changed.updated_at > row.updated_at


def test_the_revoke_action_revokes_each_key_once(site, alice):
    rows = [keys.issue(alice, f"app {number}").row for number in range(3)]
    keys.revoke(rows[0])

    chosen = {"action": "revoke", "_selected_action": [row.pk for row in rows]}
    page = site.post(KEYS, chosen, follow=True)

    assert "Revoked 2 client key(s)." in page.content.decode()
    assert not ClientKey.objects.filter(revoked_at=None).exists()


def test_a_key_is_not_given_a_time_that_is_over(site, alice):
    over = {"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}

    page = site.post(f"{KEYS}add/", key_form(alice, **over))

    assert page.context["adminform"].form.errors["expires_at"] == ["Must be in the future."]
    assert not ClientKey.objects.exists()


def test_a_key_that_has_ended_can_be_edited_and_keeps_its_end(site, alice):
    key = keys.issue(alice, "old").row
    ClientKey.objects.update(expires_at=datetime(2020, 1, 1, 12, 30, 15, 123456, tzinfo=UTC))
    ended = {"expires_at_0": "2020-01-01", "expires_at_1": "12:30:15"}

    answer = site.post(f"{KEYS}{key.pk}/change/", key_form(alice, name="older", **ended))

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert ClientKey.objects.get().name == "older"


@pytest.mark.parametrize(
    "value", ["[" * 3000, '["a", "a\\ud800"]', "[" + "9" * 5000 + "]"], ids=["deep", "half", "long"]
)
def test_hostile_lists_are_an_error_of_their_field(site, alice, value):
    page = site.post(f"{KEYS}add/", key_form(alice, allowed_models=value))

    assert "allowed_models" in page.context["adminform"].form.errors


def test_a_token_is_shown_exactly_once_and_works(site):
    page = site.post(f"{TOKENS}add/", {"name": "ci"}, follow=True)

    raw = shown_secret(page)
    row = AdminToken.objects.get()
    assert tokens.name_of(raw)
    for path in (TOKENS, f"{TOKENS}{row.pk}/change/", f"{TOKENS}{row.pk}/history/"):
        assert raw[10:30] not in site.get(path).content.decode()


def test_a_revoked_token_cannot_be_revived_by_its_form(site):
    row = tokens.issue("ci").row
    tokens.revoke(row)

    site.post(f"{TOKENS}{row.pk}/change/", {"name": "renamed", "revoked_at_0": "", "revoked_at_1": ""})

    assert AdminToken.objects.get().name == "renamed"
    assert AdminToken.objects.get().revoked_at is not None


def test_the_revoke_action_revokes_tokens(site):
    issued = tokens.issue("ci")

    site.post(TOKENS, {"action": "revoke", "_selected_action": [issued.row.pk]})

    assert tokens.name_of(issued.raw) is None


def test_staff_with_every_permission_cannot_make_themselves_a_superusers_token(client, root):
    staff = get_user_model().objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.all())
    client.force_login(staff)

    assert client.get(TOKENS).status_code == 403
    assert client.post(f"{TOKENS}add/", {"name": "mine"}).status_code == 403
    assert not AdminToken.objects.exists()


@pytest.mark.parametrize(
    "field",
    [
        {"rpm_limit": "1000001"},
        {"tpd_limit": "2000000001"},
        {"weight": "0"},
        {"data_use": "some"},
        {"name": "a\u202eb"},
        {"allowed_endpoints": '["chats"]'},
        {"allowed_models": json.dumps(["m"] * 501)},
        {"allowed_strategies": json.dumps(["s" * 201])},
    ],
    ids=lambda field: next(iter(field)),
)
def test_the_form_has_the_bounds_of_the_api(site, alice, field):
    page = site.post(f"{KEYS}add/", key_form(alice, **field))

    assert next(iter(field)) in page.context["adminform"].form.errors
    assert not ClientKey.objects.exists()
