"""What is stored: administrators, keys, the catalogue, who is told of what."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User

from apps.clients.models import ClientKey
from apps.core import crypto
from apps.gateway.models import AppConfig
from apps.providers.catalogue_files import CatalogueError, read_catalogue
from apps.providers.catalogue_sync import Changes
from apps.providers.credentials import check_master_keys
from apps.providers.models import Credential
from freeai.doctor.findings import Finding, error, note, ok, warning
from freeai.doctor.running import moment

LISTS_DAYS: Final = 9
"""A list that cannot be read is tried again after two days, then four, then every eight."""


def administrators() -> Iterator[Finding]:
    """Somebody has to be able to sign in."""
    active = User.objects.filter(is_superuser=True, is_active=True)
    if not active.exists():
        remedy = (
            "Read the set-up code in the gateway's log, and make one with it (POST /api/setup/first-admin)."
            if settings.FREEAI_FIRST_ADMIN == "code"
            else "manage.py createsuperuser"
        )
        yield warning("There is no active administrator.", remedy)
        return
    yield ok(f"{active.count()}")


def master_keys() -> Iterator[Finding]:
    """Whether stored provider keys can be read, and by the key that is the first now."""
    stored = Credential.objects.exclude(encrypted_key="")
    if unreadable := check_master_keys():
        yield error(
            f"{unreadable} of {stored.count()} stored provider keys cannot be decrypted: FreeAI refuses to start.",
            "Restore secrets/master_keys, or set FREEAI_MASTER_KEYS to the old keys.",
        )
        return
    texts = list(stored.values_list("encrypted_key", flat=True))
    if old := sum(not crypto.is_current(text) for text in texts):
        yield warning(
            f"{old} stored provider keys are encrypted with another master key than the first.",
            "manage.py rotate_master_key says when the old one can go.",
        )
    yield ok(f"All {len(texts)} stored provider keys can be read.")


def provider_keys() -> Iterator[Finding]:
    """Whether anybody but the sandbox can answer."""
    usable = Credential.objects.filter(enabled=True, provider__enabled=True).exclude(encrypted_key="")
    if not usable.exists():
        yield note(
            "No provider key is stored: the built-in sandbox answers.",
            "manage.py set_provider_key, or the admin site.",
        )
    stale = usable.filter(listed_at__lt=moment() - timedelta(days=LISTS_DAYS)).values_list(
        "provider__name", flat=True
    )
    for name in sorted(set(stale)):
        yield warning(
            f"The list of models of {name} was last read more than {LISTS_DAYS} days ago.",
            "manage.py sync_models says why, and reads it now.",
        )
    if not ClientKey.objects.exists():
        yield note("There is no client key: nobody can use /v1.", "manage.py issue_client_key --name my-app")
    yield ok(f"{usable.count()} provider keys are in use.")


def catalogue() -> Iterator[Finding]:
    """Whether the tables say what this version ships."""
    try:
        changes = Changes(read_catalogue())
    except CatalogueError as failure:
        yield error(
            f"The catalogue cannot be read: {failure}", "Restore apps/providers/catalogue of this version."
        )
        return
    if not changes.is_empty:
        yield warning(
            f"The catalogue in the database is not of this version: {len(changes.new)} entries are new, {len(changes.changed)} changed.",
            "manage.py sync_catalogue (a start does it too)",
        )
        return
    yield ok("As this version ships it.")


def notices() -> Iterator[Finding]:
    """Who is told that a day ends early, and whether that can be sent."""
    row = AppConfig.objects.filter(pk=1).first()
    if row is None:
        yield error("The configuration has no row.", "manage.py setup")
        return
    if row.notice_url and not settings.FREEAI_NOTICE_SECRET:
        yield error(
            "notice_url is set, and FREEAI_NOTICE_SECRET, which signs notices, is not.",
            "Set it, then restart.",
        )
    if row.notice_mail and not settings.EMAIL_HOST:
        yield error(
            "notice_mail is set, and FREEAI_MAIL_URL, the server that sends it, is not.",
            "Set it, then restart.",
        )
    yield ok("on" if row.notice_url or row.notice_mail else "off")
