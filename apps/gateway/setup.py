"""First-run set-up, idempotent: migrate, an administrator, an admin token, a first client key, the catalogue, the built-in strategies."""

import secrets
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from apps.clients import keys, tokens
from apps.clients.models import AdminToken, ClientKey
from apps.gateway.models import AppConfig
from apps.providers.catalogue_sync import sync
from apps.strategies.library import install_builtins

ADMIN = "admin"


@dataclass(slots=True)
class Made:
    """What this run made: secrets are shown once and stored nowhere in the clear. Empty on every later run."""

    password: str = field(default="", repr=False)
    admin_token: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.password or self.admin_token or self.client_key)


def run() -> Made:
    """Bring the installation to a state in which it can serve. Raises DatabaseError, CatalogueError."""
    if unapplied_migrations():
        call_command("migrate", interactive=False, verbosity=0)
    sync()
    install_builtins()
    AppConfig.objects.get_or_create(pk=1)
    return _first_secrets()


def unapplied_migrations() -> list[str]:
    """Names of migrations that this database still lacks."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _first_secrets() -> Made:
    made = Made()
    users = get_user_model().objects
    admin = users.filter(is_superuser=True).order_by("pk").first()
    if admin is None:
        made.password = secrets.token_urlsafe(12)
        admin = users.create_superuser(ADMIN, "", made.password)
    assert isinstance(admin, User)  # noqa: S101 - AUTH_USER_MODEL is Django's own
    if made.password:
        if not AdminToken.objects.exists():
            made.admin_token = tokens.issue("first").raw
        if not ClientKey.objects.exists():
            made.client_key = keys.issue(admin, "first").raw
    return made
