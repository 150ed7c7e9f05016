"""Every route of `/api` for everybody."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.urls import URLPattern

from apps.accounts import jwts
from apps.clients import keys, tokens
from apps.core import snapshot
from apps.core.api import UnknownPath
from apps.gateway import urls as lean
from apps.gateway.api import urls as api
from apps.providers.models import Credential, Provider, ProviderModel
from apps.strategies.library import install_builtins
from apps.strategies.models import Strategy
from tests.accounts.conftest import PASSWORD, Browser
from tests.accounts.routes import DEFINITION, ROLES, ROWS, SAFE, Row, expected

METHODS = ("get", "post", "put", "patch", "delete")


def served(patterns: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Method and regular expression of every route, from the URLconf."""
    for pattern in patterns:
        here = prefix + pattern.pattern.regex.pattern.removeprefix("^").replace(r"\Z", "$")
        if not isinstance(pattern, URLPattern):
            yield from served(pattern.url_patterns, here)
            continue
        view: Any = pattern.callback
        actions = getattr(view, "actions", None) or {
            name: name for name in METHODS if hasattr(view.cls, name)
        }
        if view.cls is not UnknownPath:
            allowed = [name for name in METHODS if name in view.cls.http_method_names]
            yield from (
                (name.upper(), here) for name in allowed if name in actions
            )  # DRF adds HEAD as it serves


def test_every_route_has_a_row_and_every_row_a_route():
    routes = set(served(api.urlpatterns, "/api/"))
    health = [each for each in lean.urlpatterns if isinstance(each, URLPattern) and each.name == "health"]
    found = {
        (method, path): [
            route
            for route in routes
            if route[0] == method and re.fullmatch(route[1], path.partition("?")[0].format(**EXAMPLES))
        ]
        for method, path in ROWS
        if path != "/api/health"
    }

    assert len(health) == 1
    assert [row for row, matches in found.items() if not matches] == []
    assert routes - {matches[0] for matches in found.values()} == set()


EXAMPLES = {"key_hash": "0" * 64, "user_id": 7}


@pytest.fixture
def world(db, settings, monkeypatch):
    """A user with a key and a credential, another, staff of two kinds, a superuser, and what the routes name."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    install_builtins()
    Strategy.objects.create(name="custom", definition=DEFINITION)
    groq = Provider.objects.create(
        name="groq", display_name="Groq", base_url="https://upstream.test/v1", requires_key=True
    )
    make = User.objects.create_user
    ProviderModel.objects.create(provider=groq, name="openai/gpt-oss-120b")
    people = SimpleNamespace(
        user=make("owner", password=PASSWORD),
        other_user=make("other"),
        staff=make("staff", is_staff=True),
        permitted_staff=make("permitted", is_staff=True),
        root=User.objects.create_superuser("root"),
        inactive=make("inactive", is_active=False),
        target=make("target"),
    )
    Credential.objects.create(user=people.user, provider=groq)
    people.key = keys.issue(people.user, "app").row
    snapshot.load_all()
    yield people
    for section in snapshot.SECTIONS.values():
        section.unload()


def expired(person: User) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwts.Access, "lifetime", timedelta(seconds=-1))
        return jwts.issue(person).access


def revoked(person: User) -> str:
    access = jwts.issue(person).access
    jwts.revoke(access)
    return access


def revoked_admin_token() -> str:
    issued = tokens.issue("gone")
    tokens.revoke(issued.row)
    return issued.raw


def headers_of(role: str, world: SimpleNamespace) -> dict[str, str]:
    """What the role sends along."""
    root = world.root
    bearers: dict[str, Callable[[], str]] = {
        "expired": lambda: expired(root),
        "revoked": lambda: revoked(root),
        "admin_bearer": lambda: jwts.issue(root).access,
    }
    if role in ("none", "session", "wrong_csrf"):
        return {}
    if role == "admin_token":
        return {"x-admin-token": tokens.issue("ci").raw}
    if role == "revoked_admin_token":
        return {"x-admin-token": revoked_admin_token()}
    access = bearers[role]() if role in bearers else jwts.issue(getattr(world, role)).access
    return {"authorization": f"Bearer {access}"}


def answer_to(role: str, world: SimpleNamespace, method: str, path: str, row: Row) -> int:
    browser = Browser()
    headers = headers_of(role, world)
    if role == "wrong_csrf":
        browser.cookies["freeai_access"] = jwts.issue(world.root).access
        headers = {"x-csrftoken": "x" * 32}
    elif role == "session":
        browser.force_login(world.root)
        headers = {} if method in SAFE else browser.csrf()
    elif role == "permitted_staff" and row.model:
        app, _, model = row.model.partition(".")
        permission = Permission.objects.get(content_type__app_label=app, codename=f"{row.action}_{model}")
        world.permitted_staff.user_permissions.set([permission])
    url = path.format(key_hash=world.key.key_hash, user_id=world.target.pk)
    return browser.send(method, url, row.body, **headers).status_code


@pytest.mark.parametrize(("method", "path"), [route for route in ROWS if route[1] != "/api/health"])
def test_a_route_answers_every_role_exactly(world, method, path):
    row = ROWS[method, path]
    answers = {}
    for role in ROLES:
        with transaction.atomic():
            answers[role] = answer_to(role, world, method, path, row)
            transaction.set_rollback(True)

    assert answers == expected(method, row)
