"""What the pages may load, what they hold, and what becomes of texts of others in them."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.clients import keys
from apps.console.policy import CONTENT_SECURITY
from apps.core import snapshot
from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel
from tests.console.conftest import close, signed_in, usage_event

HOSTILE = """"'><script>alert(1)</script><img src=x onerror=alert(2)> onmouseover="alert(3)"""
OWN = (
    "pool/",
    "pool/add/",
    "pool/add/?provider=acme",
    "pool/acme/",
    "profile/",
    "search/?q=a",
    "live/",
    "playground/",
    "strategies/strategy/add/",
    "password_change/",
)


class Parts(HTMLParser):
    """Whatever of a page the policy would not run or use."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (
            tag == "script" and "src" not in names and names.get("type") != "application/json"
        ):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith(("on", "hx-", "x-"))]
        addresses = (names.get(name) or "" for name in ("src", "href", "action"))
        self.found += [one for one in addresses if one.lower().startswith("javascript:")]


def parts_of(page) -> list[str]:
    parser = Parts()
    parser.feed(page.content.decode())
    return parser.found


@pytest.fixture
def paths(rows) -> list[str]:
    """Every page that a superuser reaches."""
    found = [f"/admin/{path}" for path in OWN]
    for model in admin.site._registry:
        label = model._meta.label_lower
        name = f"admin:{label.replace('.', '_')}"
        found.append(reverse(f"{name}_changelist"))
        found += [
            reverse(f"{name}_{route}", args=[rows[label].pk]) for route in ("change", "history", "delete")
        ]
        found.append(reverse(f"{name}_add"))
    return found


def test_every_page_has_the_policy_and_nothing_that_it_would_stop(root, rows, paths):
    browser = signed_in(root)

    for path in [*paths, "/admin/nowhere/"]:
        page = browser.get(path, follow=True)
        assert page.headers["content-security-policy"] == CONTENT_SECURITY, path
        assert parts_of(page) == [], path


def test_so_have_the_pages_before_signing_in(client, db):
    for path in ("/admin/login/", "/admin/"):
        page = client.get(path)
        assert page.headers["content-security-policy"] == CONTENT_SECURITY
        assert parts_of(page) == []


def test_the_policy_allows_no_script_or_style_of_a_page_and_nothing_of_others():
    assert "unsafe" not in CONTENT_SECURITY and "http" not in CONTENT_SECURITY
    for part in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in CONTENT_SECURITY


@pytest.mark.parametrize(
    "path",
    [
        "pool/acme/test/",
        "pool/acme/reset/",
        "pool/acme/switch/",
        "pool/add/",
        "profile/",
        "profile/theme/",
        "logout/",
    ],
)
def test_no_other_site_posts_in_a_users_name(root, rows, path):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(root)

    page = browser.post(f"/admin/{path}", {"theme": "dark"})

    assert page.status_code == 403
    assert page.headers["content-security-policy"] == CONTENT_SECURITY


@pytest.mark.django_db(transaction=True)
def test_texts_of_others_are_texts(root, gateway):
    evil = Provider.objects.create(
        name="evil",
        display_name=HOSTILE[:80],
        base_url="http://evil.test/v1",
        default_model=HOSTILE[:200],
        tags=[HOSTILE],
    )
    ProviderModel.objects.create(
        provider=evil, name=HOSTILE, capabilities=["vision", HOSTILE], tags=[HOSTILE]
    )
    set_key(root, evil, "sk-0123456789abcdef")
    snapshot.load_all()
    key = keys.issue(root, HOSTILE[:80], allowed_models=[HOSTILE]).row
    usage_event(
        root,
        at=timezone.now() - timedelta(seconds=5),
        provider="evil",
        model=HOSTILE,
        virtual_model=HOSTILE[:80],
        strategy=HOSTILE[:60],
        request_id=HOSTILE[:64],
        client_id=key.pk,
        outcome="error",
        error_kind="<script>",
    )
    close(gateway, root, "evil", "quarantine", HOSTILE)
    browser = signed_in(root)

    for path in (
        "pool/",
        "pool/evil/",
        "pool/add/?provider=evil",
        "clients/clientkey/",
        f"clients/clientkey/{key.pk}/change/",
        f"clients/clientkey/{key.pk}/revoke/",
        f"clients/clientkey/{key.pk}/first-use/",
        "analytics/usageeventrow/",
        "analytics/usageeventrow/?provider=" + HOSTILE.replace("&", "%26"),
        "search/?q=script",
        "search/?q=" + HOSTILE,
        "providers/provider/",
        "providers/providermodel/",
    ):
        page = browser.get(f"/admin/{path}")
        assert page.status_code == 200, path
        assert parts_of(page) == [], path
        assert "<script>alert" not in page.content.decode(), path
        assert re.search(r"<img src=x", page.content.decode()) is None, path
