"""What the attempts of this process tell whoever watches. Where nobody does, a request pays for one look at an empty tuple."""

from collections.abc import Callable
from typing import Literal

import structlog

from apps.analytics.events import UsageEvent

log = structlog.get_logger("freeai.gateway")

Step = Literal["began", "spoke", "ended", "over"]
"""Of an attempt: it began, its first content is here, it ended and another may follow, or its request ended with it."""
Listener = Callable[[Step, UsageEvent], None]


class Feed:
    """The listeners of one process. Each is called on the event loop, within the attempt: it takes a note and returns."""

    __slots__ = ("listeners",)

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> None:
        """Listen from now on."""
        self.listeners = (*self.listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Listen no more; nothing happens for one that does not."""
        self.listeners = tuple(one for one in self.listeners if one != listener)

    def tell(self, step: Step, event: UsageEvent) -> None:
        """What happened. A listener that fails is logged: no request ends because somebody watches it."""
        for listener in self.listeners:
            try:
                listener(step, event)
            except Exception:  # whatever it was, the request is not to blame
                log.exception("traffic.listener_failed")
