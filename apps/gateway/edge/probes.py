"""Liveness, readiness and metrics. Public and terse: a scanner learns nothing about the deployment."""

import asyncio
import hmac
from functools import cache
from pathlib import Path

import orjson
from django.apps import apps
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse

from apps.analytics import metrics as inventory
from apps.core import snapshot
from apps.core.turns import DatabaseThread, TurnTimeoutError
from apps.gateway import runtime, supervision
from apps.gateway.edge import gauges
from apps.gateway.edge.methods import only
from apps.gateway.wire.errors import JSON, unauthorized

PATHS = frozenset({"/livez", "/readyz", "/api/health", "/metrics"})
OK = orjson.dumps({"status": "ok"})
UNAVAILABLE = orjson.dumps({"status": "unavailable"})
DATABASE_TIMEOUT_S = 2.0
TURN_S = 10.0  # after that the question is given up, and the next one asked over a connection of its own


class DatabaseProbe:
    """Asks the database whether it is there and in order. One question at a time: a database that hangs must not gather a queue of them."""

    def __init__(self) -> None:
        self._question: asyncio.Task[bool] | None = None
        self._thread = DatabaseThread("readyz", patience_s=DATABASE_TIMEOUT_S, turn_s=TURN_S)

    async def answers(self) -> bool:
        """Whether it says so within DATABASE_TIMEOUT_S."""
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._ask())
        await asyncio.wait([self._question], timeout=DATABASE_TIMEOUT_S)
        return self._question.done() and self._question.result()

    async def aclose(self) -> None:
        """Give the connection back. A later question opens another."""
        await self._thread.aclose(DATABASE_TIMEOUT_S)

    async def _ask(self) -> bool:
        try:
            return await self._thread.run(_database_serves)
        except TurnTimeoutError:
            return False


DATABASE = DatabaseProbe()


@only("GET")
async def health(_request: HttpRequest) -> HttpResponse:
    """GET /api/health: the process answers."""
    return HttpResponse(OK, content_type=JSON)


@only("GET")
async def livez(_request: HttpRequest) -> HttpResponse:
    """GET /livez: the process answers."""
    return HttpResponse(OK, content_type=JSON)


@only("GET")
async def readyz(_request: HttpRequest) -> HttpResponse:
    """GET /readyz: started, snapshot loaded, background work running, database in order. 503 otherwise, though `/v1` may be served.

    What is down, the log and `freeai_background_up` tell.
    """
    ready = (
        runtime.is_running()
        and supervision.all_up()
        and all(section.loaded for section in snapshot.SECTIONS.values())
        and await DATABASE.answers()
    )
    return HttpResponse(OK if ready else UNAVAILABLE, status=200 if ready else 503, content_type=JSON)


def _database_serves() -> bool:
    """Whether it answers, takes writes, and has what this version's migrations make. One of a newer version has that too."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")  # on in a standby
                if cursor.fetchone() == ("on",):
                    return False
            cursor.execute("SELECT app, name FROM django_migrations")
            return _migrations() <= set(cursor.fetchall())
    except Error:
        return False


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """Those of our own apps, by their files: Django's loader would import them all, for good."""
    ours = (config for config in apps.get_app_configs() if config.name.startswith("apps."))
    return frozenset(
        (config.label, file.stem)
        for config in ours
        for file in Path(config.path, "migrations").glob("[0-9]*.py")
    )


@only("GET")
async def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: Prometheus exposition; FREEAI_METRICS_TOKEN closes it to others than `Authorization: Bearer <token>`."""
    if token := settings.FREEAI_METRICS_TOKEN:
        given = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise unauthorized("The metrics are closed; send `Authorization: Bearer <FREEAI_METRICS_TOKEN>`.")
    await gauges.refresh(runtime.current())
    body, content_type = inventory.exposition()
    return HttpResponse(body, content_type=content_type)
