"""How far a connection's client is behind what it owes: a head, a body, or reading what it is sent."""

from enum import Enum, auto

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from apps.gateway.edge import patience


class Phase(Enum):
    """What the client has to send."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class Timed(HttpToolsProtocol):
    """uvicorn's protocol, with the half of `patience.Connection` that is about time."""

    _phase = Phase.HEAD
    _since = 0.0
    """Of the loop: when the phase began, later by each second in which we did not read."""
    _received = 0
    """Bytes of the present body."""
    _stuck_since: float | None = None
    """Of the loop: when the client had taken as much of what is sent as one that reads takes; None while nothing waits for it."""
    _untaken = 0
    """Bytes that waited for it at the last look."""
    _heard = 0.0
    """Of the loop: when anything came, later by each second in which we did not read."""
    _seen = 0
    """Bytes of the present body at the last look."""
    _answered_early: float | None = None
    """Of the loop: when the request was answered whose body still comes."""

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        self._stuck_since = self.loop.time()
        self._untaken = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        self._stuck_since = None

    def overdue(self, now: float) -> bool:
        """See `patience.Connection`."""
        if self._stuck_since is None and self.transport.is_closing():  # it waits for what is left to be taken
            self._stuck_since, self._untaken = now, self.transport.get_write_buffer_size()
        if self._stuck_since is not None:
            return self._has_stopped(now, self._stuck_since)
        if self._phase is Phase.NOTHING:
            return False
        if self._answered_early is not None:
            return now - self._answered_early > patience.DRAIN_S
        if self.flow.read_paused:
            self._since += patience.SWEEP_S
            self._heard += patience.SWEEP_S
        if self._phase is Phase.HEAD:
            return now - self._since > settings.FREEAI_HEAD_TIMEOUT_S
        return self._has_fallen_behind(now)

    def _has_fallen_behind(self, now: float) -> bool:
        """Whether the body comes too slowly, or no more."""
        came, self._seen = self._received - self._seen, self._received
        self._since = patience.caught_up(self._since, came, patience.PACE, now)
        is_silent = now - self._heard > settings.FREEAI_BODY_SILENCE_S
        return is_silent or now - self._since > settings.FREEAI_BODY_TIMEOUT_S

    def _has_stopped(self, now: float, stuck_since: float) -> bool:
        """Whether the client reads no more."""
        untaken = self.transport.get_write_buffer_size()
        taken = max(0, self._untaken - untaken)
        self._untaken = untaken
        self._stuck_since = patience.caught_up(stuck_since, taken, patience.READING_PACE, now)
        return now - self._stuck_since > settings.FREEAI_SEND_TIMEOUT_S

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._since = self._heard = self.loop.time()
