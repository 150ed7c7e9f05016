"""That gateways which count in Redis serve on this database: a row that they renew as long as any lives, so that none which counts in its
memory begins beside them. Locks of PostgreSQL would take a connection of each process, and a pooler in transaction mode hides them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from django.db import DatabaseError, Error, connection

from apps.core import clock
from apps.core.turns import TurnTimeoutError

if TYPE_CHECKING:
    from apps.core.models import TaskRun

log = structlog.get_logger("freeai.gateway")

NAME: Final = "fleet"
RENEW_S: Final = 2.0
ALIVE_S: Final = 8.0


def renew() -> None:
    """Some of the fleet lives, now. Raises DatabaseError."""
    now, due = _now(), timedelta(seconds=RENEW_S * 0.75)
    runs = _runs()
    mark = runs.objects.filter(name=NAME)
    if not mark.filter(at__lt=now - due).update(at=now) and not mark.exists():
        runs.objects.bulk_create([runs(name=NAME, at=now)], ignore_conflicts=True)


def is_there() -> bool:
    """Whether any of a fleet has lived lately. False before there is a table; whoever only looks makes no database."""
    if connection.vendor == "sqlite" and not (
        connection.connection or Path(connection.settings_dict["NAME"]).exists()
    ):
        return False
    alive = timedelta(seconds=ALIVE_S)
    now = _now()
    try:
        return _runs().objects.filter(name=NAME, at__gt=now - alive, at__lt=now + alive).exists()
    except DatabaseError:
        return False


async def keep(turn: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    """Renew it. `turn` runs what it is given off the event loop. Until cancelled."""
    while True:
        try:
            await turn(renew)
        except (Error, TurnTimeoutError) as error:
            log.debug("fleet_mark.not_renewed", error=type(error).__name__)
        await asyncio.sleep(RENEW_S)


def _runs() -> "type[TaskRun]":
    """Looked up late: entrances name this module's errors before Django is set up."""
    from apps.core.models import TaskRun

    return TaskRun


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
