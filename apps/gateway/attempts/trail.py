"""The attempts of one request in the spool: at every moment exactly one of them is its last, also if the process dies now."""

from msgspec.structs import replace

from apps.analytics.events import UsageEvent
from apps.analytics.spool import Spool
from apps.gateway.traffic.feed import Feed


class Trail:
    """Attempts follow one another. What is written of each has `is_last`, until the next one begins. Whoever watches is told of each."""

    __slots__ = ("_feed", "_is_over", "_left_open", "_spool", "has_begun")

    def __init__(self, spool: Spool, feed: Feed | None = None) -> None:
        self._spool = spool
        self._feed = feed or Feed()
        self._left_open: UsageEvent | None = None
        self._is_over = False
        self.has_begun = False

    def begin(self, event: UsageEvent) -> None:
        """An attempt begins; that before it was not the last."""
        self.has_begun = True
        self._spool.begin(event, self._left_open)
        self._left_open = None
        if self._feed.listeners:
            self._feed.tell("began", event)

    def speak(self, event: UsageEvent, ttfb_ms: float, connect_ms: float | None) -> None:
        """The first content of the attempt's answer is here."""
        if self._feed.listeners:
            self._feed.tell("spoke", replace(event, ttfb_ms=ttfb_ms, connect_ms=connect_ms))

    def end(self, event: UsageEvent, *, is_final: bool) -> None:
        """An attempt ended. `is_final`: no other can follow it."""
        if is_final or self._is_over:
            self._is_over = True
            self._spool.end(event)
        else:
            self._left_open = event
            self._spool.leave_open(event)
        if self._feed.listeners:
            self._feed.tell("over" if self._is_over else "ended", event)

    def close(self) -> None:
        """No other attempt follows: the last one ended, or ends with the answer that the client is being sent."""
        self._is_over = True
        if self._left_open is not None:
            self._spool.end(self._left_open)
            if self._feed.listeners:
                self._feed.tell("over", self._left_open)
            self._left_open = None
