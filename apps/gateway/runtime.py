"""What a running gateway holds: the state store, the transport, the usage spool and its writer, and the tasks that keep them going."""

import asyncio
import gc
import platform
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import Error

from apps.analytics import metrics
from apps.analytics.events import UsageEvent
from apps.analytics.refusals import Refusals
from apps.analytics.spool import Spool
from apps.analytics.writer import Writer
from apps.clients.last_used import LastUsed
from apps.core import bell, clock, snapshot
from apps.core.state.choice import open_store
from apps.core.state.contract import PastUsage, StateStore
from apps.core.state.keys import provider_of
from apps.core.turns import DatabaseThread, TurnTimeoutError
from apps.gateway import __version__, past
from apps.gateway.attempts.conversations import Conversations
from apps.gateway.attempts.ends import Ends
from apps.gateway.attempts.fairness import Fairness
from apps.gateway.attempts.shortlist import Shortlists
from apps.gateway.attempts.waiting import Room
from apps.gateway.kept_answers import open_answers
from apps.gateway.outlook.pace import Book
from apps.gateway.supervision import Loops, Work
from apps.gateway.traffic.decisions import Decisions
from apps.gateway.traffic.feed import Feed
from apps.providers import offers, trust
from apps.providers.clocks import Clocks
from apps.providers.confirmations import Confirmations
from apps.providers.evidence import EVIDENCE
from apps.providers.image_fetch import ImageFetcher
from apps.providers.lengths import Lengths
from apps.providers.streaks import Streaks
from apps.providers.transport import Switchboard
from apps.providers.types import Offer
from apps.providers.upstream import Transport

log = structlog.get_logger("freeai.gateway")

T = TypeVar("T")

POLL_INTERVAL_S = (
    0.5  # what one process closes must be closed in all within a second, the poll and the reload included
)
LEAST_PAUSE_S = 0.05  # between two polls, however often somebody rings
EVIDENCE_LOOK_S = 0.1
EVIDENCE_INTERVAL_S = 0.5
EVIDENCE_SHARE = 0.1  # of the time may go into writing what was told, and as much into loading it
STOP_TIMEOUT_S = 5.0
START_TIMEOUT_S = 300.0
CONFIRM_INTERVAL_S = 60.0
POLL_TIMEOUT_S = 15.0  # of a whole poll; each of its statements has FREEAI_DATABASE_TURN_TIMEOUT_S
GC_THRESHOLDS = (10_000, 20, 20)


class Runtime:
    """The parts of one web process. `start` and `stop` run on its event loop."""

    def __init__(self, *, store: StateStore | None = None, transport: Transport | None = None) -> None:
        self.store: StateStore = store or open_store(settings.FREEAI_SPOOL_DIR, settings.FREEAI_STATE)
        self.transport: Transport = transport or Switchboard()
        self.store.on_trip = _count_trip
        self.store.on_rewind = _note_rewind
        self._seen: offers.Catalogue | None = None
        self.images = ImageFetcher()
        self.shortlists = Shortlists(self.store)
        self.streaks = Streaks()
        self.lengths = Lengths()
        self.conversations = Conversations()
        self.clocks = Clocks()
        self.waiting_room = Room()
        self.ends = Ends()
        self.fairness = Fairness()
        self.pace = Book()
        self._confirmations = Confirmations()
        self.spool = Spool(settings.FREEAI_SPOOL_DIR, most_bytes=settings.FREEAI_SPOOL_MAX_BYTES)
        self.refusals = Refusals(self.spool)
        self.feed = Feed()
        self.decisions = Decisions()
        self.kept_answers = open_answers(settings.FREEAI_STATE)
        patience_s = float(settings.FREEAI_DATABASE_TURN_TIMEOUT_S)
        self.writer = Writer(
            self.spool,
            settings.FREEAI_SPOOL_DIR,
            on_written=partial(_note_key_use, LastUsed()),
            patience_s=3 * patience_s,
        )
        self._follower = DatabaseThread("snapshot", patience_s=patience_s, turn_s=POLL_TIMEOUT_S)
        self._noter = DatabaseThread("notes", patience_s=patience_s, turn_s=POLL_TIMEOUT_S)
        self._rung = asyncio.Event()
        self._is_started = False
        self.is_redis_away = False  # as live traffic found it, once a second
        self.stopping = False  # requests that are cancelled from now on did not lose their clients
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loops = Loops()

    async def start(self) -> None:
        """Load the snapshot, rebuild the quota state, start the loops. Raises DatabaseError.

        What dead processes left in the spool is counted here, and written by the writer while requests are served.
        """
        await in_a_start(snapshot.load_all)
        await self.store.restore(self._past, clock.now())
        self._is_started = True
        await self._trust_again()
        self._loops.keep("writer", self.writer.run)
        self._loops.keep("snapshot", self._follow_snapshot)
        if bell.is_there():
            self._loops.keep("bell", partial(bell.listen, self._rung.set))
        self._loops.keep("confirmations", self._note_answers)
        self._loops.keep("evidence", self._write_evidence)
        metrics.state_store_mode(self.store.mode)
        _spare_the_collector()
        metrics.build_info(__version__, platform.python_version())

    async def stop(self) -> None:
        """Finish background work, write the last events, close the connections. Waits for no database longer than the grace."""
        budget_s = min(STOP_TIMEOUT_S, max(1.0, settings.FREEAI_SHUTDOWN_GRACE_S))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=budget_s)
        await self._loops.stop()
        await self.transport.aclose()
        await self.images.aclose()
        self._follower.close()
        self._noter.close()
        self.refusals.flush()
        await self.writer.aclose(budget_s)
        self.spool.close()
        await self.store.aclose()

    def keep(self, name: str, work: Work) -> None:
        """Run `work` as long as the gateway runs, whatever becomes of it: see `supervision`."""
        self._loops.keep(name, work)

    async def note(self, work: Callable[[], None]) -> None:
        """Have something small written, off the event loop. Raises django.db.Error, TurnTimeoutError."""
        await self._noter.run(work)

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end, whatever becomes of the caller; failures are logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def see_through(self, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Await `call()`, of which a second one changes nothing. If the caller is cancelled meanwhile, nobody knows how far it came: it is
        made again in the background.

        A task of its own for every call would do the same, for some microseconds each even where the store answers at once.
        """
        try:
            await call()
        except asyncio.CancelledError:
            self.background(call())
            raise

    def answered(self, offer: Offer) -> None:
        """A real answer came from there."""
        self.streaks.succeeded(offer.subject.credential)
        self._confirmations.note(offer.provider, offer.model)

    async def follow_keys(self) -> None:
        """A key that was stored or tested well, and an account that was reset, since this was last asked leaves its quarantine and its
        breaker.

        Asked before every ranking, since the snapshot alone tells of it: the very next request must know.
        """
        catalogue, seen = offers.CATALOGUE.value, self._seen
        if catalogue is seen:
            return
        self._seen = catalogue
        if seen is not None:
            for owner in trust.trusted_anew(catalogue, seen):
                self.streaks.forget(owner)
                await self.store.reset(owner, clock.now())

    async def _trust_again(self) -> None:
        """End what closed an account before it was trusted anew, while no gateway ran."""
        self._seen = offers.CATALOGUE.value
        for owner, since in trust.trusted_since(self._seen):
            await self.store.reset(owner, clock.now(), before=since)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background.failed", exc_info=task.exception())

    async def _follow_snapshot(self) -> None:
        """Take over what other processes wrote: when one of them says so, and twice a second."""
        while True:
            await asyncio.sleep(min(LEAST_PAUSE_S, POLL_INTERVAL_S))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(POLL_INTERVAL_S - LEAST_PAUSE_S, 0.0)):
                    await self._rung.wait()
            self._rung.clear()
            await self._poll()
            await self.follow_keys()

    async def _poll(self) -> None:
        try:
            await self._follower.run(snapshot.poll)
        except TurnTimeoutError as error:
            log.error("snapshot.database_hangs", detail=str(error))

    async def _note_answers(self) -> None:
        """Write which models have answered."""
        while True:
            await asyncio.sleep(CONFIRM_INTERVAL_S)
            try:
                await self._noter.run(self._confirmations.write)
            except (Error, TurnTimeoutError) as error:
                log.error("confirmations.not_written", error=type(error).__name__)

    async def _write_evidence(self) -> None:
        """Write down the limits that upstreams told, at once after a while without any; what cannot be written now is tried again."""
        while True:
            await asyncio.sleep(EVIDENCE_LOOK_S)
            now, began = clock.now(), clock.monotonic()
            if not EVIDENCE.due(now):
                continue
            try:
                await self._noter.run(partial(EVIDENCE.flush, now))
            except (Error, TurnTimeoutError) as error:
                log.warning("evidence.not_written", error=type(error).__name__)
            await asyncio.sleep(max(EVIDENCE_INTERVAL_S, (clock.monotonic() - began) / EVIDENCE_SHARE))

    async def _past(self, now: float) -> list[PastUsage]:
        """What the ledger and the spools of dead processes know to have been used."""
        used = await in_a_start(lambda: list(past.usage(self.writer, now)))
        if not self._is_started:  # later it has seen for itself
            self.pace.recall(used, now)
        return used


async def in_a_start(work: Callable[[], T]) -> T:
    """Database work of a start, which may take its time, off the event loop; a process that leaves does not wait for it."""
    thread = DatabaseThread("start", patience_s=START_TIMEOUT_S, turn_s=START_TIMEOUT_S)
    try:
        return await thread.run(work)
    finally:
        thread.close()


def _count_trip(credential: str) -> None:
    metrics.breaker_tripped(provider_of(credential))


def _note_rewind(by_s: float) -> None:
    log.warning("clock.went_back", seconds=round(by_s, 1))


def _spare_the_collector() -> None:
    """What was loaded by now stays: keep it out of every later collection, and let requests pass undisturbed a little longer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _note_key_use(last_used: LastUsed, events: Sequence[UsageEvent]) -> None:
    """When each client key was last used, from the events that were just written."""
    latest: dict[int, float] = {}
    for event in events:
        if event.client_id is not None:
            latest[event.client_id] = max(event.at, latest.get(event.client_id, 0.0))
    last_used.note({client: datetime.fromtimestamp(at, UTC) for client, at in latest.items()})


_current: Runtime | None = None


def install(runtime: Runtime | None) -> None:
    """Make `runtime` the one that requests use."""
    global _current
    _current = runtime


def current() -> Runtime:
    """The running gateway. Raises RuntimeError before start."""
    if _current is None:
        raise RuntimeError("The gateway has not started.")
    return _current


def is_running() -> bool:
    """Whether `current` would answer."""
    return _current is not None
