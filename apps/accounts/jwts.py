"""The two tokens of a signed-in user: `access` for fifteen minutes, `refresh` for seven days and one use.

Import this late: simplejwt reads the secret key while it is imported, and set-up may not have made it yet. For the same reason, and because
it stores every refresh token in the clear, its own blacklist is not installed: `ClosedToken` holds ids, of closed tokens only.
"""

from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError

from apps.accounts.models import ClosedToken

USER = "user_id"
PASSWORD = "password"  # noqa: S105 - the claim that ends a token with the password of its day


class InvalidTokenError(Exception):
    """A token that opens nothing; the text says why, in a sentence."""


class Pair(NamedTuple):
    """What a sign-in gives."""

    access: str
    refresh: str


class Access(tokens.AccessToken):
    """Opens `/api`."""


class Refresh(tokens.Token):
    """Buys the next pair, once."""

    token_type = "refresh"  # noqa: S105 - a kind
    lifetime = tokens.RefreshToken.lifetime


def issue(user: User) -> Pair:
    """A new pair for the user."""
    pair = []
    for kind in (Access, Refresh):
        token = kind()
        token[USER] = str(user.pk)
        token[PASSWORD] = user.get_session_auth_hash()
        pair.append(str(token))
    return Pair(*pair)


def user_of(raw: str | bytes) -> User:
    """Whom an access token speaks for. Raises InvalidTokenError."""
    token = _read(Access, raw)
    if ClosedToken.objects.filter(pk=token["jti"]).exists():
        raise InvalidTokenError("The token was signed out.")
    return _user(token)


@transaction.atomic
def renew(raw: str) -> tuple[User, Pair]:
    """The next pair for a refresh token, which is used up with it. Raises InvalidTokenError."""
    token = _read(Refresh, raw)
    user = _user(token)
    if not _use_up(token):
        raise InvalidTokenError("The refresh token was used before, or signed out.")
    return user, issue(user)


def revoke(*raw: str) -> None:
    """Close these tokens, of either kind; what opens nothing anyway is no error."""
    for text in raw:
        for kind in (Access, Refresh):
            try:
                _use_up(_read(kind, text))
            except InvalidTokenError:
                continue


def forget_ended(now: datetime) -> int:
    """Delete the ids of tokens that have ended by themselves; how many rows there were."""
    deleted, _ = ClosedToken.objects.filter(ends_at__lte=now).delete()
    return deleted


def _read(kind: type[tokens.Token], raw: Any) -> tokens.Token:
    try:
        return kind(raw)
    except TokenError as error:
        ended = "expired" in str(error)
        raise InvalidTokenError(f"The token {'has expired' if ended else 'is not valid'}.") from None


def _user(token: tokens.Token) -> User:
    user = User.objects.filter(pk=token.get(USER), is_active=True).first()
    if user is None:
        raise InvalidTokenError("The token's user is gone or inactive.")
    if not compare_digest(str(token.get(PASSWORD)), user.get_session_auth_hash()):
        raise InvalidTokenError("The password has been changed since; sign in again.")
    return user


def _use_up(token: tokens.Token) -> bool:
    """True for the one caller that closed it."""
    ends_at = datetime.fromtimestamp(token["exp"], UTC)
    _, won = ClosedToken.objects.get_or_create(pk=token["jti"], defaults={"ends_at": ends_at})
    return won
