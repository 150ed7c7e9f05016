"""The X-Admin-Token header."""

import pytest
from django.contrib.auth import get_user_model
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from apps.clients import tokens
from apps.clients.authentication import AdminTokenAuthentication
from apps.clients.models import AdminToken

CONFIGURED = "canary-admin-token-0123456789"


def authenticate(*token):
    headers = {"HTTP_X_ADMIN_TOKEN": token[0]} if token else {}
    return AdminTokenAuthentication().authenticate(Request(APIRequestFactory().get("/", **headers)))


def test_no_header_leaves_the_request_to_others(db):
    assert authenticate() is None


def test_a_stored_token_acts_as_the_first_active_superuser(root):
    get_user_model().objects.create_superuser("second")

    assert authenticate(tokens.issue("ci").raw) == (root, None)


def test_an_inactive_superuser_is_passed_over(root):
    second = get_user_model().objects.create_superuser("second")
    root.is_active = False
    root.save()

    assert authenticate(tokens.issue("ci").raw) == (second, None)


def test_without_a_superuser_a_right_token_is_refused(alice):
    raw = tokens.issue("ci").raw

    with pytest.raises(AuthenticationFailed):
        authenticate(raw)


def test_the_configured_token_works(root, settings):
    settings.FREEAI_ADMIN_TOKEN = CONFIGURED

    assert authenticate(CONFIGURED) == (root, None)


@pytest.mark.parametrize("configured", ["", CONFIGURED])
@pytest.mark.parametrize(
    "token",
    ["", " ", "wrong", CONFIGURED[:20], CONFIGURED + " ", "\x00", "é", "\udc80", "' OR 1=1 --", "x" * 10_240],
)
def test_wrong_and_empty_tokens_are_refused(root, settings, configured, token):
    settings.FREEAI_ADMIN_TOKEN = configured
    tokens.issue("another")

    with pytest.raises(AuthenticationFailed):
        authenticate(token)


def test_a_stored_hash_is_no_token(root):
    row = tokens.issue("ci").row

    with pytest.raises(AuthenticationFailed):
        authenticate(row.token_hash)


def test_a_revoked_token_is_refused_and_revoked_once(root):
    issued = tokens.issue("ci")
    stale = AdminToken.objects.get()

    assert tokens.revoke(issued.row) is True
    assert tokens.revoke(stale) is False
    with pytest.raises(AuthenticationFailed):
        authenticate(issued.raw)


def test_neither_row_nor_representation_holds_the_token(db):
    issued = tokens.issue("ci")

    assert issued.raw not in f"{issued!r} {issued.row!r} {AdminToken.objects.values().get()!r}"
    assert issued.row.token_preview == f"fai_***{issued.raw[-3:]}"
