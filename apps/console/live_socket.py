"""The socket of the live page: session-authenticated, of this origin only, one's own requests unless one may see all. Nothing that comes in
is read."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, cast

import orjson
import structlog
from channels.auth import AuthMiddlewareStack, get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import User
from django.http.request import split_domain_port, validate_host
from redis import RedisError

from apps.console.seats import Seats
from apps.core import clock, roles, security_headers
from apps.gateway.traffic.choosing import Chooser
from apps.gateway.traffic.watchers import EVERYBODY, MARK_S, Watchers, group_of

log = structlog.get_logger("freeai.console")

PATH: Final = "/ws/live/"
RENEW_S: Final = MARK_S / 3
CHECK_EVERY: Final = 2
"""Renewals between two looks whether the session still is one: some seconds."""
SIGNED_OUT, TOO_MANY, NOT_HERE = 4401, 4429, 4404
NOT_OPEN: Final = "There is no WebSocket here, or not for pages of another origin."
Scope = dict[str, Any]


class LiveSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One watcher."""

    seats: Final = Seats(most=100, most_each=8)

    def __init__(self, watchers: Watchers) -> None:
        super().__init__()
        self._watchers = watchers
        self._chooser = Chooser()
        self._renewing: asyncio.Task[None] | None = None
        self._group = ""
        self._user_id = 0

    async def connect(self) -> None:
        """See AsyncWebsocketConsumer."""
        user = cast("User", self.scope["user"])
        if not user.is_active or user.pk is None:
            await self._refuse(SIGNED_OUT)
            return
        if not self.seats.take(user.pk):
            await self._refuse(TOO_MANY)
            return
        self._user_id = user.pk
        self._group = EVERYBODY if await _sees_all(user) else group_of(user.pk)
        await self.channel_layer.group_add(f"live.{self._group}", self.channel_name)
        await self.accept()
        self._renewing = asyncio.create_task(self._renew())

    async def disconnect(self, _code: int) -> None:
        """See AsyncWebsocketConsumer."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._user_id:
            self.seats.give_back(self._user_id)
            self._user_id = 0
        if self._group:
            await self.channel_layer.group_discard(f"live.{self._group}", self.channel_name)

    async def traffic_told(self, message: Mapping[str, Any]) -> None:
        """What a process tells: to the browser, within its budget."""
        requests, rest = self._chooser.choose(message["requests"], clock.monotonic())
        body = {"from": message["from"], "requests": requests, "rest": message["rest"] + rest}
        await self.send(text_data=orjson.dumps(body).decode())

    async def _renew(self) -> None:
        """Keep the mark, as long as the session is one."""
        renewals = 0
        while True:
            try:
                await self._watchers.renew(self._group, clock.now())
            except (RedisError, OSError) as error:
                log.warning("live.not_marked", error=type(error).__name__)
            renewals += 1
            await asyncio.sleep(RENEW_S)
            if renewals % CHECK_EVERY == 0 and not await self._may_stay():
                await self.close(SIGNED_OUT)
                return

    async def _may_stay(self) -> bool:
        """Whether the session has not ended, by leaving or by another password, and who sees all still may."""
        stored = import_module(settings.SESSION_ENGINE).SessionStore(self.scope["session"].session_key)
        user = await get_user({"session": stored})
        if user.pk != self._user_id:
            return False
        return self._group != EVERYBODY or await _sees_all(user)

    async def _refuse(self, code: int) -> None:
        """Accepted first: a browser is told the code of a socket that was open only."""
        await self.accept()
        await self.close(code)


async def _sees_all(user: User) -> bool:
    may: bool = await database_sync_to_async(roles.may)(user, "view", "analytics.usageeventrow")
    return may


def is_of_this_origin(scope: Scope) -> bool:
    """Whether a page of this server opens the socket: sessions are sent along by pages of others too. No `Origin`, no browser: refused."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin, host = headers.get(b"origin", ""), headers.get(b"host", "")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    domain, _ = split_domain_port(host)
    is_own = origin in (f"http://{host}", f"https://{host}")
    return is_own and bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


class Sockets:
    """The ASGI application of all sockets: of the one that there is."""

    def __init__(self, watchers: Watchers) -> None:
        self._live = AuthMiddlewareStack(LiveSocket.as_asgi(watchers=watchers))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one, or refuse it before it is open."""
        if scope["path"] == PATH and is_of_this_origin(scope):
            await self._live(scope, receive, send)
        else:
            await receive()
            await _refuse(scope, send)


async def _refuse(scope: Scope, send: Any) -> None:
    """As an answer to the handshake, with the headers that every answer has."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": NOT_HERE})
        return
    body = orjson.dumps({"detail": NOT_OPEN})
    headers = [
        *security_headers.OF_API,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
