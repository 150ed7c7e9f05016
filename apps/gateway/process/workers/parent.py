"""The parent of several workers: it holds the sockets, starts who is missing, replaces them one after the other, and ends with all of them.

It serves nothing and has one thread, so that it can fork at any time. A worker hears of its end by a pipe that ends with it.
"""

import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import structlog
from django.conf import settings

from apps.analytics import shared_metrics
from apps.core import clock
from apps.gateway.process.celery_child import CeleryProcess
from apps.gateway.process.serving import StartError
from apps.gateway.process.workers import birth, signals
from apps.gateway.process.workers.birth import Born, Tell
from apps.gateway.process.workers.place import Place
from apps.gateway.process.workers.signals import Signals

log = structlog.get_logger("freeai.gateway")

START_S: Final = 330.0
"""A worker that is not ready by then is killed; what it waits for gives up sooner."""
LAST_WRITES_S: Final = 10.0
"""On top of the grace: the last usage events."""
LOOK_S: Final = 1.0

Serve = Callable[[list[socket.socket], int, Tell, bool], None]
"""Sockets, what can be read when the parent is gone, what tells it, and whether this is the very first worker: until the signal."""


class Parent:
    """Of as many workers as there are `places`. `own`: descriptors that no worker may keep; `tasks`: Celery, where it is a child."""

    def __init__(
        self, places: list[list[socket.socket]], serve: Serve, own: list[int], tasks: CeleryProcess | None
    ) -> None:
        self._places = [Place(sockets) for sockets in places]
        self._serve = serve
        self._own = own
        self._tasks = tasks
        self._lifeline = os.pipe()
        self._started = False
        self._left_by: int | None = None
        self._failure = ""
        self._to_renew: deque[Place] = deque()
        self._renewing: Place | None = None

    def run(self, started: Callable[[], None]) -> None:
        """Until a signal, and all have ended. `started` is called when the first of them serves. Raises StartError where it does not
        start, KeyboardInterrupt and SystemExit where a signal came before."""
        with signals.heard() as heard:
            self._begin(self._places[0], heard)
            while any(self._everybody()):
                self._turn(heard, started)
            if self._tasks is not None:
                self._tasks.stop()
        for each in self._lifeline:
            os.close(each)
        if self._failure:
            raise StartError(self._failure)
        if not self._started:
            raise KeyboardInterrupt if self._left_by == signal.SIGINT else SystemExit(0)

    def _turn(self, heard: Signals, started: Callable[[], None]) -> None:
        """Whatever happens next."""
        words = [each.words for each in self._everybody() if each.words >= 0]
        for number in heard.wait(words, self._idle_s()):
            self._hear(number, heard)
        for each in self._everybody():
            was_ready = each.is_ready
            each.listen()
            if each.is_ready and not was_ready:
                self._ready(each, started)
        self._reap()
        self._kill_late()
        if self._started and self._left_by is None:
            self._begin_due(heard)
            self._renew_next(heard)
            if self._tasks is not None:
                self._tasks.look()

    def _idle_s(self) -> float:
        """How long there is nothing to do, unless somebody tells."""
        due = [place.due_at for place in self._places if place.due_at is not None and self._started]
        return min([LOOK_S, *(max(at - clock.monotonic(), 0.0) for at in due)])

    def _everybody(self) -> Iterator[Born]:
        for place in self._places:
            yield from place.everybody()

    # Coming.
    def _begin(self, place: Place, heard: Signals) -> None:
        place.open()
        place.worker = self._fork(place, heard)

    def _fork(self, place: Place, heard: Signals) -> Born:
        """Raises OSError."""
        taken = {each.number for each in self._everybody()}
        number = next(number for number in range(1, len(taken) + 2) if number not in taken)
        born = birth.fork(number, partial(self._live, place, heard))
        born.kill_at = born.began + START_S
        return born

    def _live(self, place: Place, heard: Signals, tell: Tell) -> None:
        """As a worker: nothing is kept that is the parent's or another's."""
        reading, writing = self._lifeline
        for each in self._everybody():
            each.hang_up()
        for descriptor in (*self._own, *heard.descriptors, writing):
            os.close(descriptor)
        for other in self._places:
            if other is not place:
                other.close()
        self._serve(place.sockets, reading, tell, not self._started)

    def _ready(self, born: Born, started: Callable[[], None]) -> None:
        born.kill_at = None
        if not self._started:
            self._started = True
            started()
        log.info("worker.ready", worker=born.number, pid=born.pid)
        place = self._renewing
        if place is not None and place.successor is born:
            place.promote()
            if (old := place.leaving) is not None:
                old.kill_at = clock.monotonic() + settings.FREEAI_SHUTDOWN_GRACE_S + LAST_WRITES_S
                old.send(signal.SIGHUP)

    def _begin_due(self, heard: Signals) -> None:
        now = clock.monotonic()
        for place in self._places:
            if place.worker is None and place.due_at is not None and place.due_at <= now:
                try:
                    self._begin(place, heard)
                except OSError as error:  # no process, no memory, no port
                    log.error("worker.not_started", error=error.strerror, next_in_s=place.lost(0.0, now))

    def _renew_next(self, heard: Signals) -> None:
        """One at a time; a place whose worker is only coming has a new one anyway."""
        while self._renewing is None and self._to_renew:
            place = self._to_renew.popleft()
            if place.worker is None or not place.worker.is_ready:
                continue
            try:
                place.successor = self._fork(place, heard)
            except OSError as error:
                self._not_renewed(str(error.strerror))
                return
            self._renewing = place

    def _not_renewed(self, reason: str) -> None:
        log.error("worker.not_renewed", reason=reason, remedy="Those that serve go on. Mend it, then SIGHUP.")
        self._to_renew.clear()
        self._renewing = None

    # Going.
    def _hear(self, number: int, heard: Signals) -> None:
        if number == signal.SIGHUP and not heard.is_hangup():
            if self._started and self._left_by is None:
                self._to_renew = deque(self._places)
        elif number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._leave(number)

    def _leave(self, number: int) -> None:
        """A second Ctrl-C is impatience: uvicorn ends without a grace then."""
        if self._left_by is not None:
            if number == signal.SIGINT:
                for each in self._everybody():
                    each.send(signal.SIGINT)
            return
        self._left_by = number
        self._end_all(settings.FREEAI_SHUTDOWN_GRACE_S + LAST_WRITES_S)

    def _end_all(self, within_s: float) -> None:
        for place in self._places:
            place.close()
        for each in self._everybody():
            each.kill_at = clock.monotonic() + within_s
            each.send(signal.SIGTERM)

    def _kill_late(self) -> None:
        for each in self._everybody():
            if each.kill_at is not None and clock.monotonic() >= each.kill_at:
                log.error("worker.killed", worker=each.number, pid=each.pid, reason="it was not done in time")
                each.kill_at = None
                each.send(signal.SIGKILL)

    def _reap(self) -> None:
        for place in self._places:
            for born in list(place.everybody()):
                pid, status = os.waitpid(born.pid, os.WNOHANG)
                if pid:
                    born.listen()
                    born.hang_up()
                    shared_metrics.forget(born.number)
                    self._ended(place, born, _reason(status, born))

    def _ended(self, place: Place, born: Born, reason: str) -> None:
        if born is place.leaving:
            place.leaving = self._renewing = None
            log.info("worker.renewed", left=born.number)
        elif born is place.successor:
            place.successor = None
            if self._left_by is None:
                self._not_renewed(reason)
        elif self._left_by is not None:
            place.worker = None
        elif not self._started:
            place.worker = None
            self._failure = born.failure or f"The gateway did not start: {reason}."
            self._left_by = signal.SIGTERM
        elif place.successor is not None:  # it comes all the same
            log.error("worker.ended", worker=born.number, reason=reason, restart_in_s=0.0)
            place.worker, place.successor, self._renewing = place.successor, None, None
        else:
            now = clock.monotonic()
            pause_s = place.lost(now - born.began, now)
            log.error("worker.ended", worker=born.number, reason=reason, restart_in_s=pause_s)


def _reason(status: int, born: Born) -> str:
    code = os.waitstatus_to_exitcode(status)
    return born.failure or (f"signal {-code}" if code < 0 else f"exit code {code}")
