"""The first administrator over HTTP, for installations whose console nobody sees: once, with the code that the log shows.

With `FREEAI_FIRST_ADMIN=code` set-up makes no administrator, and each start shows the code until there is one.
"""

import base64
import hmac
import secrets
from hashlib import sha256

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from apps.accounts import throttle
from apps.accounts.models import SetupCode

log = structlog.get_logger("freeai.setup")

CODE = "code"
"""The value of `FREEAI_FIRST_ADMIN` that opens this way; the other is "console"."""
THROTTLED_AS = "\0set-up code"
CODE_BYTES = 15
GROUP = 6


class SetupRefusedError(Exception):
    """No administrator was made; the text says why, in a sentence."""


class AlreadySetUpError(SetupRefusedError):
    """There is an administrator, or was one since the last start."""


def is_needed() -> bool:
    """Whether nobody can administer this installation yet."""
    return not User.objects.filter(is_superuser=True).exists()


def announce() -> None:
    """Show the code in the log, if this way is open and needed."""
    if settings.FREEAI_FIRST_ADMIN == CODE and is_needed():
        log.warning("setup.code", code=_code(_open_row()), how="POST /api/setup/first-admin")


def make(code: str, username: str, password: str, address: str) -> User:
    """Make the administrator. Raises SetupRefusedError, AlreadySetUpError, TooManyAttemptsError; IntegrityError for a taken name."""
    if not is_needed():
        raise AlreadySetUpError("There is an administrator already.")
    if settings.FREEAI_FIRST_ADMIN != CODE:
        raise SetupRefusedError(
            "The administrator is made on the console: `manage.py setup`. "
            "Over HTTP only where FREEAI_FIRST_ADMIN=code is set."
        )
    attempt = throttle.begin(THROTTLED_AS, address)
    row = SetupCode.objects.filter(pk=1).first()
    given = code.strip().upper().encode("utf-8", "surrogatepass")
    if row is None or not hmac.compare_digest(given, _code(row).encode()):
        log.warning("setup.wrong_code", address=address)
        raise SetupRefusedError("The set-up code is wrong: the log of the last start shows it.")
    user = _make_once(row, username, password)
    attempt.succeeded()
    log.info("setup.first_admin", address=address, user_id=user.pk)
    return user


@transaction.atomic
def _make_once(row: SetupCode, username: str, password: str) -> User:
    """The conditional update decides among those who come at once with the right code; a failure leaves it unused."""
    won = SetupCode.objects.filter(pk=row.pk, used_at=None).update(used_at=timezone.now()) == 1
    if not won or not is_needed():
        raise AlreadySetUpError(
            "This code was used. If the administrator is gone again, the next start shows a new one."
        )
    return User.objects.create_superuser(username, password=password)


def _open_row() -> SetupCode:
    """The row, with a new code where the old one was used and the administrator is gone again."""
    row, _ = SetupCode.objects.get_or_create(pk=1, defaults={"nonce": secrets.token_hex(16)})
    SetupCode.objects.filter(pk=1).exclude(used_at=None).update(nonce=secrets.token_hex(16), used_at=None)
    row.refresh_from_db()
    return row


def _code(row: SetupCode) -> str:
    """Twenty-four letters and digits, in groups that can be read out."""
    key = settings.SECRET_KEY.encode()
    digest = hmac.new(key, f"freeai set-up code {row.nonce}".encode(), sha256).digest()
    text = base64.b32encode(digest[:CODE_BYTES]).decode()
    return "-".join(text[start : start + GROUP] for start in range(0, len(text), GROUP))
