"""What the JSON parser of `/api` refuses: a 400, never a 500."""

import pytest
from rest_framework.test import APIClient

from apps.clients import tokens
from apps.providers.models import Provider

DEEP_LIST = b"[" * 10_000 + b"]" * 10_000
DEEP_OBJECT = b'{"name":' * 10_000 + b"1" + b"}" * 10_000


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        DEEP_LIST,
        DEEP_OBJECT,
        b"[" * 90_000,
        b'{"name":' + b"[" * 101 + b"]" * 101 + b"}",
        b'{"name":"a\\ud800b"}',
        b'{"name":"\xff\xfe"}',
        b'{"rpm_limit":NaN}',
        b'{"rpm_limit":1e999}',
        b'{"rpm_limit":' + b"9" * 5_000 + b"}",
        b'{"name":"a\\u0000b"}',
        b"{",
        b'{"name":"a","name":"b"}',
        b'{"name":"a","n\\u0061me":"b"}',
        b'{"name":"a","x":{"y":1,"z":[{"k":1,"k":1}]}}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_hostile_json_is_a_400(body, admin_user):
    client = APIClient(raise_request_exception=False)

    answer = client.post(
        "/api/clients",
        data=body,
        content_type="application/json",
        headers={"X-Admin-Token": tokens.issue("t").raw},
    )

    assert answer.status_code == 400, answer.content[:200]
    assert list(answer.json()) == ["detail"]


@pytest.mark.django_db
def test_too_many_values_are_a_413_before_they_are_decoded(admin_user):
    answer = APIClient().post(
        "/api/clients",
        data=b'{"name":[' + b"[]," * 200_000,
        content_type="application/json",
        headers={"X-Admin-Token": tokens.issue("t").raw},
    )

    assert answer.status_code == 413
    assert answer.json() == {"detail": "The request body holds more than 100000 JSON values."}


@pytest.mark.django_db
def test_a_key_that_is_there_twice_is_named(admin_user):
    answer = APIClient().post(
        "/api/clients",
        data=b'{"name":"a","rpm_limit":1,"rpm_limit":2}',
        content_type="application/json",
        headers={"X-Admin-Token": tokens.issue("t").raw},
    )

    assert answer.status_code == 400
    assert "'rpm_limit' is there twice" in answer.json()["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/me/providers/groq", b'{"limits":{"\\ud800":{"minute":1}}}'),
        ("PATCH", "/api/me/providers/groq", b'{"limits":{"requests":{"\\uDFFF":1}}}'),
        ("PATCH", "/api/me/providers/groq", b'{"settings":{"\\ud800":"x"}}'),
        ("POST", "/api/clients", b'{"name":"x","data_use":"\\ud800"}'),
    ],
    ids=["a member", "a member below", "a setting", "a choice"],
)
def test_half_a_character_is_an_error_that_can_be_answered(method, path, body, admin_user):
    Provider.objects.create(name="groq", base_url="https://upstream.test/v1")
    client = APIClient(raise_request_exception=False)

    answer = client.generic(
        method, path, body, content_type="application/json", headers={"X-Admin-Token": tokens.issue("t").raw}
    )

    assert answer.status_code == 400
    assert "\\\\ud" in answer.content.decode()


@pytest.mark.django_db
def test_two_halves_are_a_character(admin_user):
    answer = APIClient().post(
        "/api/clients",
        data=b'{"name":"\\ud83d\\ude00"}',
        content_type="application/json",
        headers={"X-Admin-Token": tokens.issue("t").raw},
    )

    assert (answer.status_code, answer.json()["name"]) == (201, "\U0001f600")
