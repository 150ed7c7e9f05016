"""Decisions on requests, kept for a day: names, scores, reasons and quotas, no word of anybody. A second later, off the request path."""

import asyncio
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from django.conf import settings
from django.db import Error
from django.utils import timezone
from msgspec import Struct

from apps.core import clock
from apps.core.ids import least_at
from apps.core.state.contract import StateStore
from apps.core.turns import DatabaseThread, TurnTimeoutError
from apps.gateway.attempts.decision import Decision, features_of, in_rows
from apps.gateway.models import RequestDecision
from apps.gateway.traffic.decisions import Decisions, Note
from apps.providers.types import Capability
from apps.strategies.ranking import Ranking, capable

log = structlog.get_logger("freeai.gateway")

NAME: Final = "decisions"
MOST_RANKED, MOST_EXCLUDED = 20, 60
MOST_BYTES: Final = 65_536
"""Of one record, which has some 2,000 as a rule."""
MOST_UNPACKED: Final = 4_000_000
WRITE_S, PURGE_S, TURN_S = 1.0, 60.0, 15.0
KEPT: Final = timedelta(days=1)
PURGED_AT_A_TIME: Final = 10_000


class Keeper:
    """Writes the notes of a process, and deletes what is older than KEPT. `run` is its loop."""

    def __init__(self, decisions: Decisions, store: StateStore) -> None:
        self._decisions = decisions
        self._store = store
        patience_s = float(settings.FREEAI_DATABASE_TURN_TIMEOUT_S)
        self._thread = DatabaseThread(NAME, patience_s=patience_s, turn_s=TURN_S)
        self._purged_at = clock.monotonic()

    async def run(self) -> None:
        """What cannot be written is lost, and said to be."""
        try:
            while True:
                await asyncio.sleep(WRITE_S)
                await self.write()
                if clock.monotonic() - self._purged_at >= PURGE_S:
                    self._purged_at = clock.monotonic()
                    await self._turn(purge, "decisions.not_purged")
        finally:
            self._thread.close()

    async def write(self) -> None:
        """What was noted since the last time."""
        rows = [row for note in self._decisions.take() if (row := await self._row(note)) is not None]
        if rows:
            await self._turn(
                lambda: RequestDecision.objects.bulk_create(rows, ignore_conflicts=True),
                "decisions.not_written",
            )

    async def _row(self, note: Note) -> RequestDecision | None:
        body = pack(await in_words(note, self._store))
        if len(body) > MOST_BYTES:
            return None
        return RequestDecision(id=UUID(hex=note.request_id), user_id=note.user_id, body=body)

    async def _turn(self, work: Callable[[], object], failure: str) -> None:
        try:
            await self._thread.run(work)
        except (Error, TurnTimeoutError) as error:
            log.warning(failure, error=type(error).__name__)


class _Needs(Struct, frozen=True):
    """What decides which offers can answer."""

    needs: frozenset[Capability]
    prompt_tokens: int


async def in_words(note: Note, store: StateStore) -> Decision:
    """The decision with the quotas as they are now, a moment after it: the first few that were ranked and left out."""
    demand: Any = _Needs(note.needs, note.prompt_tokens)
    _, incapable = capable(note.offers, demand)
    excluded = (note.ranking.excluded + incapable)[:MOST_EXCLUDED]
    rows = await in_rows(store, Ranking(note.ranking.candidates[:MOST_RANKED], excluded), note.now)
    return Decision(note.strategy, features_of(note.facts, note.choice), rows, [])


def pack(decision: Decision) -> bytes:
    """As it is stored."""
    return zlib.compress(msgspec.json.encode(decision), 6)


def unpack(body: bytes) -> Decision:
    """What was stored. Raises ValueError, zlib.error for what another version wrote."""
    return msgspec.json.decode(zlib.decompressobj().decompress(body, MOST_UNPACKED), type=Decision)


def purge() -> int:
    """Delete what was kept long enough, some thousands at a time; how many."""
    before = least_at((timezone.now() - KEPT).timestamp())
    old = list(RequestDecision.objects.filter(pk__lt=before).values_list("pk", flat=True)[:PURGED_AT_A_TIME])
    return RequestDecision.objects.filter(pk__in=old).delete()[0] if old else 0


def kept(request_id: UUID, user_id: int | None = None) -> Decision | None:
    """That of a request, of one user's alone where one is named; None where there is none that can be read."""
    rows = RequestDecision.objects.filter(pk=request_id)
    row = (rows if user_id is None else rows.filter(user_id=user_id)).first()
    if row is None:
        return None
    try:
        return unpack(bytes(row.body))
    except (ValueError, zlib.error):
        return None
