"""System checks of the settings: what a process cannot work with, each a sentence that names the variable and what is allowed.

They have a tag of their own, so that the entrance runs them in every process, and before Django's.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from freeai import env

TAG = "freeai"
NEED_AN_ISSUER = ("FREEAI_OIDC_CLIENT_ID", "FREEAI_OIDC_CLIENT_SECRET", "FREEAI_OIDC_STAFF_GROUPS")


@register(TAG)
def variables(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """E001: a variable, or the file that stands in for it, holds what it may not."""
    refused = list(env.refused.values())
    if _why_not_writable(settings.DATA_DIR):  # then the files in it are no matter
        refused = [sentence for sentence in refused if str(settings.DATA_DIR) not in sentence]
    return [Error(sentence, id="freeai.E001") for sentence in refused]


@register(TAG)
def data_directory(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """E002: nothing can be written where everything is written."""
    reason = _why_not_writable(settings.DATA_DIR)
    sentence = f"FREEAI_DATA_DIR must be a directory that FreeAI may write to: {reason}."
    return [Error(sentence, id="freeai.E002")] if reason else []


@register(TAG)
def single_sign_on(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """E003: an issuer, and nothing to say who asks it; or the other way round."""
    if not settings.FREEAI_OIDC_ISSUER and "FREEAI_OIDC_ISSUER" not in env.refused:
        alone = next((name for name in NEED_AN_ISSUER if env.is_given(name)), "")
        sentence = f"FREEAI_OIDC_ISSUER must be set with {alone}: without it there is no single sign-on."
        return [Error(sentence, id="freeai.E003")] if alone else []
    if (
        not settings.FREEAI_OIDC_ISSUER
        or settings.FREEAI_OIDC_CLIENT_ID
        or "FREEAI_OIDC_CLIENT_ID" in env.refused
    ):
        return []
    sentence = "FREEAI_OIDC_CLIENT_ID must be set with FREEAI_OIDC_ISSUER: the client that the issuer knows FreeAI by."
    return [Error(sentence, id="freeai.E003")]


@register(TAG)
def pooler(app_configs: Sequence[AppConfig] | None = None, **_: object) -> list[CheckMessage]:
    """E004: a pooler of PostgreSQL's, and another database behind it."""
    if settings.FREEAI_DATABASE_POOLER is None or "FREEAI_DATABASE_URL" in env.refused:
        return []
    if settings.DATABASES["default"]["ENGINE"] != "apps.core.postgres":
        sentence = "FREEAI_DATABASE_POOLER_URL needs a PostgreSQL in FREEAI_DATABASE_URL: the one behind the pooler, past it."
        return [Error(sentence, id="freeai.E004")]
    return []


def _why_not_writable(directory: Path) -> str:
    """Empty when files can be made there, or the directory itself can."""
    try:
        place = next(place for place in (directory, *directory.parents) if place.exists())
    except OSError as error:
        return f"{directory}: {error.strerror}"
    if not place.is_dir():
        return f"{place} is a file"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} is not writable for this user"
