"""`/api/clients`."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.clients import keys, tokens
from apps.clients.models import ClientKey

URL = "/api/clients"


@pytest.fixture
def as_alice(api, alice):
    api.force_authenticate(alice)
    return api


def url(row):
    return f"{URL}/{row.key_hash}"


def test_post_issues_a_key_that_opens(as_alice, alice, loaded, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_alice.post(URL, {"name": "my-app", "rpm_limit": 60})

    body = answer.json()
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert (body["name"], body["rpm_limit"]) == ("my-app", 60)
    assert body["key_hash"] == keys.digest(body["api_key"]).hex()
    assert keys.verify(body["api_key"], 0.0).user_id == alice.pk


def test_post_takes_every_field(as_alice):
    sent = {
        "name": "limited",
        "rpm_limit": 5,
        "rpd_limit": 500,
        "tpm_limit": 10_000,
        "tpd_limit": 2_000_000_000,
        "weight": 2.5,
        "allowed_endpoints": ["chat", "embeddings"],
        "data_use": "no_training",
        "expires_at": "2099-01-01T00:00:00Z",
        "allowed_models": ["freeai-fast"],
        "allowed_strategies": ["fastest", "cheapest"],
    }

    body = as_alice.post(URL, sent).json()

    assert {name: body[name] for name in sent} == sent
    assert (body["enabled"], body["last_used_at"]) == (True, None)


def test_name_alone_is_enough_and_means_unlimited_and_forever(as_alice):
    body = as_alice.post(URL, {"name": "plain"}).json()

    assert (body["rpm_limit"], body["expires_at"], body["allowed_models"]) == (0, None, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": "a", "rpm_limit": "60"}, "rpm_limit"),
        ({"name": "a", "rpm_limit": True}, "rpm_limit"),
        ({"name": "a", "rpm_limit": 1.0}, "rpm_limit"),
        ({"name": "a", "rpm_limit": -1}, "rpm_limit"),
        ({"name": "a", "rpm_limit": 10**30}, "rpm_limit"),
        ({"name": "a", "rpm_limit": None}, "rpm_limit"),
        ({"name": "a", "rpd_limit": -1}, "rpd_limit"),
        ({"name": "a", "tpm_limit": 2_000_000_001}, "tpm_limit"),
        ({"name": "a", "tpd_limit": "9"}, "tpd_limit"),
        ({"name": "a", "weight": 0}, "weight"),
        ({"name": "a", "weight": 101}, "weight"),
        ({"name": "a", "weight": "1"}, "weight"),
        ({"name": "a", "data_use": "none"}, "data_use"),
        ({"name": "a", "data_use": None}, "data_use"),
        ({"name": "a\u202ecod.exe"}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "a\u200bb"}, "name"),
        ({"name": "a", "allowed_models": ["freeai-fats"]}, "allowed_models"),
        ({"name": "a", "allowed_strategies": ["quickest"]}, "allowed_strategies"),
        ({"name": "a", "allowed_endpoints": ["chats"]}, "allowed_endpoints"),
        ({"name": "a", "previous_until": None}, "previous_until"),
        ({"name": "a", "expires_at": "soon"}, "expires_at"),
        ({"name": "a", "expires_at": 4_000_000_000}, "expires_at"),
        ({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"name": "a", "allowed_models": "freeai-fast"}, "allowed_models"),
        ({"name": "a", "allowed_models": [1]}, "allowed_models"),
        ({"name": "a", "allowed_models": [""]}, "allowed_models"),
        ({"name": "a", "allowed_strategies": {"a": 1}}, "allowed_strategies"),
        ({"name": "a", "rpm": 5}, "rpm"),
        ({"name": "a", "user": 1}, "user"),
        ({"name": "a", "key_hash": "0" * 64}, "key_hash"),
    ],
)
def test_post_refuses_what_is_wrong_and_names_it(as_alice, body, field):
    answer = as_alice.post(URL, body)

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [field]
    assert not ClientKey.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [(r'{"name": "half \ud800"}', "name"), (r'{"name": "a", "half \ud800": 1}', r"half \ud800")],
)
def test_half_a_character_is_refused_wherever_it_stands(as_alice, body, field):
    answer = as_alice.post(URL, body, content_type="application/json")

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [field]


@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", "{", "", '{"rpm_limit": NaN}'])
def test_post_refuses_what_is_not_an_object(as_alice, body):
    answer = as_alice.post(URL, body, content_type="application/json")

    assert answer.status_code == 400
    assert "detail" in answer.json()


def test_list_is_a_plain_array_of_own_open_keys_without_secrets(as_alice, alice, bob):
    issued = keys.issue(alice, "mine")
    keys.issue(bob, "his")
    keys.revoke(keys.issue(alice, "revoked").row)

    answer = as_alice.get(URL)

    (row,) = answer.json()
    assert answer["X-Total-Count"] == "1"
    assert set(row) == {
        "name", "key_hash", "key_preview", "rpm_limit", "rpd_limit", "tpm_limit", "tpd_limit", "weight", "enabled",
        "expires_at", "allowed_models", "allowed_strategies", "allowed_endpoints", "data_use", "previous_until",
        "last_used_at", "created_at",
    }  # fmt: skip
    assert row["key_preview"] == f"fai_***{issued.raw[-3:]}"
    assert issued.raw[4:24] not in answer.content.decode()


def test_list_pages_newest_first_with_a_constant_number_of_queries(
    as_alice, alice, django_assert_num_queries
):
    for number in range(5):
        keys.issue(alice, f"app {number}")

    with django_assert_num_queries(2):
        answer = as_alice.get(URL, {"limit": "2", "offset": "1"})

    assert [row["name"] for row in answer.json()] == ["app 3", "app 2"]
    assert answer["X-Total-Count"] == "5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "²"),
        ("limit", "9" * 5000),
        ("offset", "-1"),
        ("offset", "9" * 20),
        ("all", "1"),
    ],
)
def test_list_refuses_odd_parameters_and_names_them(as_alice, name, value):
    answer = as_alice.get(URL, {name: value})

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [name]


def test_all_is_for_admins(api, alice, bob, root):
    keys.issue(alice, "of alice")
    his = keys.issue(bob, "of bob").row

    api.force_authenticate(alice)
    assert api.get(URL, {"all": "true"}).status_code == 403
    assert api.delete(f"{url(his)}?all=true").status_code == 403

    api.force_authenticate(root)
    assert api.get(URL).json() == []
    assert [row["name"] for row in api.get(URL, {"all": "true"}).json()] == ["of bob", "of alice"]
    assert api.delete(f"{url(his)}?all=true").status_code == 204


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_another_users_key_is_not_found(as_alice, bob, method):
    his = keys.issue(bob, "his").row

    answer = getattr(as_alice, method)(url(his))

    assert answer.status_code == 404
    his.refresh_from_db()
    assert his.revoked_at is None


@pytest.mark.parametrize("tail", ["0" * 64, "0" * 63, "%00", "x" * 64, "' OR 1=1 --", "0" * 5000])
def test_no_such_key_is_not_found(as_alice, tail):
    assert as_alice.get(f"{URL}/{tail}").status_code == 404


def test_patch_changes_only_what_was_sent_and_reloads(
    as_alice, alice, loaded, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        issued = keys.issue(alice, "app", rpm_limit=5, allowed_models=["freeai-fast"])
        answer = as_alice.patch(url(issued.row), {"rpm_limit": 9})

    assert answer.status_code == 200
    assert answer.json()["rpm_limit"] == 9
    assert answer.json()["allowed_models"] == ["freeai-fast"]
    assert keys.verify(issued.raw, 0.0).rpm_limit == 9


def test_patch_disables_and_clears_the_expiry(as_alice, alice):
    row = keys.issue(alice, "app", expires_at=timezone.now() + timedelta(days=1)).row

    body = as_alice.patch(url(row), {"enabled": False, "expires_at": None}).json()

    assert (body["enabled"], body["expires_at"]) == (False, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 0}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"revoked_at": None}, "revoked_at"),
        ({"key_hash": "0" * 64}, "key_hash"),
        ({"last_used_at": "2026-01-01T00:00:00Z"}, "last_used_at"),
    ],
)
def test_patch_refuses_what_is_wrong_and_names_it(as_alice, alice, body, field):
    answer = as_alice.patch(url(keys.issue(alice, "app").row), body)

    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == [field]


def test_put_is_not_offered(as_alice, alice):
    assert as_alice.put(url(keys.issue(alice, "app").row), {"name": "b"}).status_code == 405


def test_delete_revokes_keeps_the_row_and_happens_once(
    as_alice, alice, loaded, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        issued = keys.issue(alice, "app")
        first = as_alice.delete(url(issued.row))
    second = as_alice.delete(url(issued.row))

    assert (first.status_code, second.status_code) == (204, 404)
    assert ClientKey.objects.get().revoked_at is not None
    with pytest.raises(keys.InvalidKeyError, match="revoked"):
        keys.verify(issued.raw, 0.0)


def test_a_client_key_does_not_open_the_api(api, alice):
    raw = keys.issue(alice, "app").raw

    assert api.get(URL, HTTP_AUTHORIZATION=f"Bearer {raw}").status_code == 401
    assert api.get(URL, HTTP_X_ADMIN_TOKEN=raw).status_code == 401


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_credentials_is_401_with_a_challenge(api, db, method):
    answer = getattr(api, method)(URL)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"]


def test_an_admin_token_works_as_the_first_superuser(api, root):
    raw = tokens.issue("ci").raw

    body = api.post(URL, {"name": "by token"}, HTTP_X_ADMIN_TOKEN=raw).json()

    assert ClientKey.objects.get(key_hash=body["key_hash"]).user == root


def test_raw_keys_are_not_logged(as_alice, capfd, caplog):
    raw = as_alice.post(URL, {"name": "my-app"}).json()["api_key"]
    as_alice.get(URL)

    out, err = capfd.readouterr()
    assert raw[4:24] not in out + err + caplog.text


def test_a_key_that_has_ended_can_be_sent_back_as_it_is_shown(api, alice):
    key = keys.issue(alice, "old").row
    ClientKey.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    api.force_authenticate(alice)
    shown = api.get(f"{URL}/{key.key_hash}").json()

    answer = api.patch(f"{URL}/{key.key_hash}", shown | {"name": "older"})

    assert (answer.status_code, answer.json()["name"]) == (200, "older")
