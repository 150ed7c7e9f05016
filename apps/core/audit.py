"""Who changed what, when and from where: entries of django-auditlog for what people do by `/api`, the admin site and commands.

What the gateway writes by itself (counters, catalogues, times of last use) is no act and leaves no entry. Which models count, and which of
their fields are secrets, is a setting (`AUDITLOG_INCLUDE_TRACKING_MODELS`).
"""

import getpass
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from asgiref.sync import iscoroutinefunction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from apps.core.addresses import UNKNOWN, client_address

MASK = "***"
TOKEN_NAME = "admin_token_name"  # noqa: S105 - an attribute of requests
BY_ITSELF = frozenset({"serve", "runserver", "setup", "migrate", "sync_catalogue", "check", "test"})
"""Commands that act for nobody, or say themselves what in them is an act."""


class Origin(NamedTuple):
    """`via`: api, admin, sso, or `command …`."""

    via: str
    request: HttpRequest | None = None


_origin: ContextVar[Origin | None] = ContextVar("audit_origin", default=None)


@contextmanager
def acting(via: str, request: HttpRequest | None = None) -> Iterator[None]:
    """What is written meanwhile is somebody's act."""
    token = _origin.set(Origin(via, request))
    try:
        yield
    finally:
        _origin.reset(token)


def begin_command(name: str) -> None:
    """The rest of this process is a command's act, if it is one that acts."""
    if name not in BY_ITSELF:
        _origin.set(Origin(f"command {name}"))


@sync_and_async_middleware
def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Everything that a request writes is an act of its sender's, whom the view authenticates later."""
    if iscoroutinefunction(get_response):
        asynchronous: Callable[[HttpRequest], Awaitable[HttpResponse]] = get_response

        async def answer_later(request: HttpRequest) -> HttpResponse:
            with acting(_room(request), request):
                return await asynchronous(request)

        return answer_later

    def answer(request: HttpRequest) -> HttpResponse:
        with acting(_room(request), request):
            response: HttpResponse = get_response(request)
            return response

    return answer


def changed(row: Model, **changes: tuple[object, object]) -> None:
    """Note an update that no signal tells of: `before, after` by field."""
    if _origin.get() is None:
        return
    from auditlog.models import LogEntry  # late: this module is imported while the apps are

    texts = {name: [str(before), str(after)] for name, (before, after) in changes.items()}
    LogEntry.objects.log_create(row, action=LogEntry.Action.UPDATE, changes=texts)


def is_act(**_: object) -> bool:
    """Receiver of auditlog's `pre_log`: False keeps an entry from being made."""
    return _origin.get() is not None


def sign(instance: Any, **_: object) -> None:
    """Receiver of the entry's pre_save: who, by what, from where. A name stays when its user is deleted."""
    origin = _origin.get()
    if origin is None or not instance._state.adding:
        return
    signature = {"via": origin.via, "by": ""}
    if origin.request is None:
        signature["by"] = _operator()
    else:
        _sign_request(instance, signature, origin.request)
    instance.additional_data = signature


def mask(_: str) -> str:
    """A secret, in an entry."""
    return MASK


def _sign_request(instance: Any, signature: dict[str, str], request: HttpRequest) -> None:
    address = client_address(request)
    instance.remote_addr = None if address == UNKNOWN else address
    user = getattr(request, "user", None)  # REST framework puts here whom it authenticated
    if user is not None and user.is_authenticated:
        signature["by"] = user.get_username()
        instance.actor, instance.actor_email = user, user.email
    if name := getattr(request, TOKEN_NAME, ""):
        signature["token"] = name


def _room(request: HttpRequest) -> str:
    return request.path.split("/")[1]


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
