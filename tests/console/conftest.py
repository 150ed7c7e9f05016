"""Users of every kind, and a row of every model that the admin site shows; what has an owner is alice's."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from apps.analytics.models import UsageEventRow
from apps.clients import keys, tokens
from apps.console.traffic import kept
from apps.core import clock, snapshot
from apps.core.ids import least_at
from apps.core.state.contract import Block, Claim, Completion, Grant, PastUsage, Subject
from apps.core.state.keys import credential_key
from apps.gateway import runtime
from apps.gateway.config import CONFIG
from apps.gateway.models import AppConfig
from apps.gateway.runtime import Runtime
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel
from apps.providers.offers import CATALOGUE
from apps.strategies.library import install_builtins
from apps.strategies.models import Strategy

admin.autodiscover()  # as the first request for one of them does

numbers = count()
PASSWORD = "correct horse 47"


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def allow(user: User, *names: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return user


def usage_event(user: User, **fields: Any) -> UsageEventRow:
    plain = {
        "at": datetime(2026, 11, 27, tzinfo=UTC),
        "request_id": "req_1",
        "user_id": user.pk,
        "provider": "acme",
        "model": "acme-large",
        "endpoint": "chat",
        "outcome": "success",
    }
    row = UsageEventRow(**plain | fields)
    row.pk = uuid.UUID(int=least_at(row.at.timestamp()).int | 7 << 76 | 2 << 62 | next(numbers))
    row.save(force_insert=True)
    return row


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Without it, a page shows what another test's ledger held."""
    kept.forget()


@pytest.fixture
def alice(db) -> User:
    return User.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def bob(db) -> User:
    return User.objects.create_user("bob", password=PASSWORD)


@pytest.fixture
def staff(db) -> User:
    return User.objects.create_user("staff", password=PASSWORD, is_staff=True)


@pytest.fixture
def root(db) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def acme(db) -> Provider:
    return Provider.objects.create(
        name="acme", display_name="Acme", base_url="http://acme.test/v1", default_model="acme-large"
    )


@pytest.fixture
def rows(alice, acme) -> dict[str, Any]:
    """By label: a row of each model."""
    return {
        "auth.user": User.objects.create_user("carol"),
        "auth.group": Group.objects.create(name="operators"),
        "auditlog.logentry": LogEntry.objects.log_create(
            alice, action=LogEntry.Action.UPDATE, changes={}, force_log=True
        ),
        "providers.provider": acme,
        "providers.providermodel": ProviderModel.objects.create(provider=acme, name="acme-large"),
        "providers.credential": set_key(alice, acme, "sk-acme-0123456789"),
        "clients.clientkey": keys.issue(alice, "app").row,
        "clients.admintoken": tokens.issue("ci").row,
        "strategies.strategy": Strategy.objects.create(name="mine"),
        "analytics.usageeventrow": usage_event(alice),
        "gateway.appconfig": AppConfig.objects.get_or_create()[0],
    }


@pytest.fixture
def gateway(settings, tmp_path, db) -> Iterator[Runtime]:
    """One that runs in this process: the pages have something to show. Load the snapshot again after what you write."""
    settings.FREEAI_SPOOL_DIR = tmp_path / "spool"
    snapshot.load_all()
    made = Runtime()
    runtime.install(made)
    yield made
    made.spool.close()
    runtime.install(None)


@pytest.fixture
def serving(gateway) -> Runtime:
    """The same, with the built-in strategies and the sandbox, which answers whoever has no key."""
    sync([entry for entry in read_catalogue() if entry.name == "sandbox"])
    install_builtins()
    snapshot.load_all()
    return gateway


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands: how long something lasts is the same when the page says it, however late that is."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)


def close(gateway: Runtime, user: User, provider: str, reason: Any, detail: str = "") -> None:
    """The user's account there, for two hours."""
    account = credential_key(user.pk, provider)

    async def closed() -> None:
        now = clock.now()
        grant = await gateway.store.acquire(Claim("id", Subject(account, account), {}), now)
        assert isinstance(grant, Grant)
        block = Block(account, now + 7200, reason, detail, now, 86_400)
        await gateway.store.complete(
            grant, Completion(health="neutral", blocks=(block,)), CONFIG.value.breaker, now
        )

    async_to_sync(gateway.follow_keys)()
    async_to_sync(closed)()


def used_within_an_hour(gateway: Runtime, user: User, provider: str, amount: int) -> None:
    """Of the windows of the user's account there, bit by bit from 50 minutes ago until now, and somebody has just looked."""
    account = credential_key(user.pk, provider)
    windows = CATALOGUE.value.account_windows(user.pk, provider)
    now = clock.now()
    past = [PastUsage(windows, now - 3000 + 100 * step, {"requests": amount // 30}) for step in range(30)]

    async def read(_until: float) -> list[PastUsage]:
        return past

    async def used() -> None:
        await gateway.store.restore(read, now)

    assert windows and account in windows[0].scope
    async_to_sync(used)()
    gateway.pace.recall(past, now)
    gateway.pace.looked(now)
