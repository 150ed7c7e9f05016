"""The one way in by name and password, for `/api/auth/login` and the admin site alike."""

import threading

import structlog
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest

from apps.accounts import throttle
from apps.core.addresses import client_address

log = structlog.get_logger("freeai.sign_in")

DOORS = 4
WAIT_S = 5
_doors = threading.BoundedSemaphore(DOORS)


def check(request: HttpRequest, name: str, password: str) -> User | None:
    """The active user of that name and password, or None. Raises TooManyAttemptsError.

    Django hashes the password of a name that nobody has too, so that the time tells nothing. Names are not logged: some
    people type their password there. So many are checked at once, and who waits longer is turned away: a crowd at the door must
    hold neither the memory of its hashes nor the database connections of everybody else.
    """
    if not _doors.acquire(timeout=WAIT_S):
        raise throttle.TooManyAttemptsError(WAIT_S)
    try:
        return _check(request, name, password)
    finally:
        _doors.release()


def _check(request: HttpRequest, name: str, password: str) -> User | None:
    name = User.normalize_username(name)  # as it was stored, and as the admin site's form has it
    address = client_address(request)
    try:
        attempt = throttle.begin(name, address)
    except throttle.TooManyAttemptsError as error:
        log.warning("sign_in.throttled", address=address, retry_after_s=error.retry_after_s)
        raise
    user = authenticate(request, username=name, password=password)
    if not isinstance(user, User):
        log.warning("sign_in.refused", address=address)
        return None
    attempt.succeeded()
    log.info("sign_in.accepted", address=address, user_id=user.pk)
    return user
