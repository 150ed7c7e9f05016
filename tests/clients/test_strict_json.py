"""What the JSON parser of `/api` refuses: a 400, never a 500."""

import pytest
from rest_framework.test import APIClient

from apps.clients import tokens

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
