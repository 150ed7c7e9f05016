"""First-run set-up, idempotent: migrate, an administrator, an admin token, a first client key, the catalogue, the built-in strategies."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from apps.accounts import first_admin
from apps.analytics import partitions
from apps.clients import keys, tokens
from apps.clients.models import AdminToken, ClientKey
from apps.core import audit, clock, secret_files
from apps.gateway.models import AppConfig
from apps.gateway.process import setup_turn
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import check_master_keys
from apps.strategies.library import install_builtins

log = structlog.get_logger("freeai.setup")

ADMIN = "admin"
OTHERS = 0o077


@dataclass(slots=True)
class Made:
    """What this run made: secrets are shown once and stored nowhere in the clear. Empty on every later run."""

    password: str = field(default="", repr=False)
    admin_token: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.password or self.admin_token or self.client_key)


def run(show: Callable[[Made], None]) -> None:
    """All of it: `prepare`, then `make_first_secrets`."""
    prepare()
    make_first_secrets(show)


def prepare() -> None:
    """Bring the installation to a state in which it can serve.

    Raises OSError, DatabaseError, CatalogueError, and ImproperlyConfigured for a wrong master key.
    """
    prepare_process()
    prepare_database()
    refuse_wrong_master_key()


def prepare_process() -> None:
    """The part of it that this process must have done itself: folders, and the secrets in its settings. Raises OSError."""
    for directory in (settings.DATA_DIR, settings.STATIC_ROOT):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close_to_others(settings.DATA_DIR)
    secret_files.ensure()


def prepare_database() -> None:
    """Tables, catalogue, strategies. Raises OSError, DatabaseError, CatalogueError."""
    with setup_turn.turn():
        if unapplied_migrations():
            call_command("migrate", interactive=False, verbosity=0)
        partitions.make_ahead(clock.now())
        sync()
        install_builtins()
        AppConfig.objects.get_or_create(pk=1)


def make_first_secrets(show: Callable[[Made], None]) -> None:
    """On the first run an administrator, an admin token and a client key. `show` gets what was made, perhaps nothing.

    It is called before the secrets are committed: what could not be shown does not exist. Raises DatabaseError, CommandError.
    """
    try:
        with transaction.atomic(), audit.acting("command setup"):
            _shown(_first_secrets(), show)
    except IntegrityError:
        _shown(Made(), show)  # another process was first, and showed its own


def _shown(made: Made, show: Callable[[Made], None]) -> None:
    try:
        show(made)
    except OSError as error:
        if made:
            raise CommandError(
                f"The secrets of the first run could not be printed ({error.strerror}), so they were not made. "
                "Run `manage.py setup` where they can be read."
            ) from error


def refuse_wrong_master_key() -> None:
    """Raises ImproperlyConfigured when a stored provider key cannot be read, and DatabaseError."""
    if unreadable := check_master_keys():
        raise ImproperlyConfigured(
            f"{unreadable} stored provider key(s) cannot be decrypted: the master key that encrypted them is in neither "
            f"FREEAI_MASTER_KEYS nor {settings.FREEAI_SECRETS_DIR / secret_files.MASTER_KEYS}. "
            "Restore it; starting would make them useless."
        )


def _close_to_others(directory: Path) -> None:
    """What was made by an older release, or by hand, may be open. Whose it is, if not ours, decides."""
    if directory.stat().st_mode & OTHERS:
        try:
            directory.chmod(0o700)
        except OSError as error:
            log.warning("data_directory.open", directory=str(directory), error=error.strerror)


def unapplied_migrations() -> list[str]:
    """Names of migrations that this database still lacks."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _first_secrets() -> Made:
    made = Made()
    users = get_user_model().objects
    admin = users.filter(is_superuser=True).order_by("pk").first()
    if admin is None and settings.FREEAI_FIRST_ADMIN == first_admin.CODE:
        return made  # whoever reads the code in the log makes one
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
