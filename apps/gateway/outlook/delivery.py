"""The loop that tells an operator of days that end early, where one is configured to hear of it."""

import asyncio
from datetime import date
from functools import partial
from typing import Final

import httpx
import structlog
from django.conf import settings
from django.db import Error

from apps.analytics import quota_metrics
from apps.core import clock
from apps.core.redaction import scrub
from apps.core.turns import DatabaseThread, TurnTimeoutError
from apps.gateway.config import CONFIG
from apps.gateway.models import Notice
from apps.gateway.outlook import messages, notices
from apps.gateway.outlook.endings import Ending, endings
from apps.gateway.outlook.webhook import DeliveryError, Webhook
from apps.gateway.runtime import Runtime

log = structlog.get_logger("freeai.notices")

NAME: Final = "notices"
INTERVAL_S: Final = 60.0
TURN_S: Final = 45.0  # a mail takes a server's greeting, a sign-in and an answer, each within EMAIL_TIMEOUT
MOST_KNOWN: Final = 10_000


class Delivery:
    """Of one gateway. Nothing on the request path knows of it."""

    def __init__(self, runtime: Runtime, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport`: as of `Webhook`."""
        self._runtime = runtime
        self._webhook = Webhook(transport)
        patience_s = float(settings.FREEAI_DATABASE_TURN_TIMEOUT_S)
        self._thread = DatabaseThread(NAME, patience_s=patience_s, turn_s=TURN_S)
        self._known: set[tuple[str, date, tuple[str, ...]]] = set()

    async def run(self) -> None:
        """Look every INTERVAL_S. Until cancelled."""
        try:
            while True:
                await asyncio.sleep(INTERVAL_S)
                await self.turn()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Give thread, connection and sockets back."""
        self._thread.close()
        await self._webhook.aclose()

    async def turn(self) -> None:
        """Note what is new and deliver what is due; nothing, not even a look, while nobody wants to hear."""
        by = notices.channels(CONFIG.value)
        if not by:
            return
        try:
            await self._note(await endings(self._runtime), by)
            due = await self._thread.run(partial(notices.claim, by, clock.now()))
            for notice in due:
                await self._deliver(notice)
        except (Error, TurnTimeoutError) as error:
            log.warning("notices.database_away", error=type(error).__name__)

    async def _note(self, found: list[Ending], by: tuple[str, ...]) -> None:
        fresh = {(ending.quota.window.key, ending.day, by): ending for ending in found}
        fresh = {key: ending for key, ending in fresh.items() if key not in self._known}
        if not fresh:
            return
        await self._thread.run(partial(notices.note, list(fresh.values()), by, clock.now()))
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        self._known.update(fresh)

    async def _deliver(self, notice: Notice) -> None:
        error = await self._tried(notice)
        quota_metrics.notice_tried(notice.channel, not error)
        if error:
            tell = log.error if notice.tries >= notices.MOST_TRIES else log.warning
            tell("notice.not_delivered", channel=notice.channel, tries=notice.tries, detail=error)
        await self._thread.run(partial(notices.settle, notice, error, clock.now()))

    async def _tried(self, notice: Notice) -> str:
        """Why it did not arrive, "" where it did."""
        config = CONFIG.value
        try:
            if notice.channel == notices.MAIL:
                await self._thread.run(partial(notices.send_mail, notice, config.notice_mail))
            else:
                body = messages.as_body(notice.identity, notice.told)
                secret = settings.FREEAI_NOTICE_SECRET
                await self._webhook.post(config.notice_url, body, secret=secret, at=int(clock.now()))
        except DeliveryError as error:
            return str(error)
        except (OSError, TurnTimeoutError) as error:
            return scrub(f"{type(error).__name__}: {error}", settings.EMAIL_HOST_PASSWORD)
        return ""
