"""Changing one's own password: by whoever knows the one of before."""

import structlog
from django.contrib.auth import SESSION_KEY, get_user, update_session_auth_hash
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from apps.accounts import sign_in

log = structlog.get_logger("freeai.sign_in")


class WrongPasswordError(Exception):
    """Not the current password; the text says so, in a sentence."""


class ChangedMeanwhileError(Exception):
    """Somebody else changed it between the check and the change."""


def change(request: HttpRequest, user: User, current: str, new: str) -> User:
    """Give the user another password. With it end all of their tokens and sessions, but for the session of `request`. Returns the user as
    stored. Raises WrongPasswordError, ChangedMeanwhileError, TooManyAttemptsError.

    A guess at the current one counts as an attempt to sign in: whoever found a session open must not have more of them than others.
    """
    if not user.has_usable_password():
        raise WrongPasswordError("This user has no password: they sign in by single sign-on.")
    known = sign_in.check(request, user.get_username(), current)
    if known is None or known.pk != user.pk:
        raise WrongPasswordError("This is not the current password.")
    stays = SESSION_KEY in request.session and get_user(request) == known
    with transaction.atomic():
        stored = User.objects.select_for_update().get(pk=known.pk)
        if stored.password != known.password:
            raise ChangedMeanwhileError("The password has been changed meanwhile.")
        stored.set_password(new)
        stored.save(update_fields=["password"])
    if stays:
        update_session_auth_hash(request, stored)
    log.info("password.changed", user_id=stored.pk)
    return stored
