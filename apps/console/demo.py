"""A demo instance: users, keys and thirty days of traffic, the same in every run but for the keys."""

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.utils import timezone

from apps.analytics.models import UsageEventRow
from apps.clients import keys
from apps.clients.models import ClientKey
from apps.console.demo_traffic import ADMIN, APPS, OTHER, App, Target, Traffic
from apps.providers.credentials import set_key
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from apps.providers.presets import parse_preset
from apps.strategies.models import Strategy

DAYS: Final = 30
SEED: Final = 14_20
MOST_PROVIDERS: Final = 9
MODELS_EACH: Final = 4
KEY_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
MICRO: Final = 1_000_000
USUAL_PRICE: Final = 150_000


def has_data() -> bool:
    """Whether anybody has used this instance."""
    return (
        UsageEventRow.objects.exists()
        or Credential.objects.exclude(encrypted_key="").exists()
        or User.objects.count() > 1
    )


def fill(password: str, addresses: Mapping[str, str], days: int = DAYS) -> dict[str, int]:
    """Make all of it; how many of each. `addresses`: base URLs that stand in for the catalogue's, by provider."""
    chance = random.Random(SEED)  # noqa: S311 - a demo is to look the same
    users = {name: _user(name, password) for name in (ADMIN, OTHER)}
    providers = _providers(addresses)
    for user in users.values():
        for provider in providers if user.is_superuser else providers[:3]:
            set_key(user, provider, _provider_key(provider, chance))
    Credential.objects.filter(user=users[ADMIN]).update(listed_at=timezone.now())
    clients = {app.name: _client(app, users[app.owner]) for app in APPS}
    keys.revoke(keys.issue(users[OTHER], "ci-smoke").row)
    _strategy()
    _lists(providers, users[ADMIN])
    events = Traffic(clients, _targets(providers), chance).write(timezone.now(), days)
    return {
        "users": len(users),
        "provider keys": Credential.objects.count(),
        "client keys": len(clients),
        "usage events": events,
    }


def _user(name: str, password: str) -> User:
    user, _ = User.objects.get_or_create(username=name)
    user.is_staff = user.is_superuser = name == ADMIN
    user.set_password(password)
    user.save()
    return user


def _providers(addresses: Mapping[str, str]) -> Sequence[Provider]:
    """Those of the catalogue that give a key for nothing and have a default model, the best known first."""
    rows = Provider.objects.filter(
        enabled=True, requires_key=True, retired_on=None, is_custom=False, access="free"
    )
    found = [
        row
        for row in rows.exclude(default_model="").prefetch_related("models")
        if not parse_preset(row.wire).settings
    ]
    found.sort(key=lambda row: (row.name not in addresses, -row.models.count(), row.name))
    chosen = found[:MOST_PROVIDERS]
    for row in chosen:
        if row.name in addresses:
            row.base_url = addresses[row.name]
            row.save(update_fields=["base_url", "updated_at"])
    return chosen


def _provider_key(provider: Provider, chance: random.Random) -> str:
    prefix = next(iter(parse_preset(provider.wire).key_prefixes), "")
    return f"{prefix or 'sk'}_" + "".join(chance.choices(KEY_LETTERS, k=32))


def _client(app: App, owner: User) -> ClientKey:
    expires = timezone.now() + timedelta(days=app.expires_in_days) if app.expires_in_days else None
    row = keys.issue(
        owner, app.name, rpm_limit=app.rpm_limit, allowed_models=list(app.allowed), expires_at=expires
    ).row
    ClientKey.objects.filter(pk=row.pk).update(
        last_used_at=timezone.now() - timedelta(seconds=12 + 60 * row.pk)
    )
    return row


def _strategy() -> None:
    definition = {"prefer": [{"when": '"fast" in tags', "weight": 20}]}
    Strategy.objects.get_or_create(
        name="office", defaults={"description": "What answers fast first.", "definition": definition}
    )


def _lists(providers: Sequence[Provider], user: User) -> None:
    """What the providers' own lists changed, to look at in the catalogue review, and a limit that one told."""
    names = [provider.name for provider in providers]
    rows = ProviderModel.objects.filter(provider__name__in=names, enabled=True, task="chat", vanished_at=None)
    new, gone, moved, *_ = rows.exclude(shipped={}).order_by("-name")
    new.pk, new.name, new.shipped, new.enabled = None, f"{new.name}-next", {}, True
    new.listed = {"context_window": 131_072, "capabilities": ["tools", "json_schema"]}
    new.context_window, new.capabilities = 131_072, ["tools", "json_schema"]
    new._state.adding = True
    gone.vanished_at = timezone.now() - timedelta(hours=3)
    moved.listed = {"context_window": 2 * (moved.context_window or 32_768)}
    moved.context_window = moved.listed["context_window"]
    for row in (new, gone, moved):
        row.save()
    LimitEvidence.objects.create(
        credential=Credential.objects.get(user=user, provider=providers[0]),
        metric="requests",
        period="minute",
        limit=18,
        source="refusal",
        at=timezone.now() - timedelta(hours=2),
    )


def _targets(providers: Sequence[Provider]) -> Sequence[Target]:
    """A few models of each."""
    rows = ProviderModel.objects.filter(provider__in=providers, enabled=True, task="chat", vanished_at=None)
    by_provider: dict[str, list[Target]] = {}
    for row in rows.select_related("provider").order_by("provider__name", "name"):
        took_ms = 250.0 + 180 * (len(row.name) % 9)
        price = (row.prompt_microusd or USUAL_PRICE) / MICRO
        by_provider.setdefault(row.provider.name, []).append(
            Target(row.provider.name, row.name, took_ms, price)
        )
    return [target for found in by_provider.values() for target in found[:MODELS_EACH]]
