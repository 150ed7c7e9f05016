"""Background work that must not end: what fails is logged and begun anew, after pauses that grow to a minute.

`/readyz` and `freeai_background_up` tell what is down. A loop is up while it runs, and down from its failure to its next begin.
"""

import asyncio
from collections.abc import Callable, Coroutine
from mmap import mmap

import structlog

from apps.analytics import metrics
from apps.core import cancelling, clock

log = structlog.get_logger("freeai.gateway")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STOP_S = 5.0

Work = Callable[[], Coroutine[object, object, None]]

_up: dict[str, bool] = {}


class _Shown:
    """Work of a parent: a byte that it writes and all who were forked from it can read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._byte = mmap(-1, 1)
        self.is_up = True

    @property
    def is_up(self) -> bool:
        return self._byte[0] == 1

    @is_up.setter
    def is_up(self, up: bool) -> None:
        self._byte[0] = int(up)


_shown: _Shown | None = None


def show(name: str) -> None:
    """Let those who are forked from now on know how it is about `name`, as this process marks it."""
    global _shown
    _shown = _Shown(name)


def begin_anew() -> None:
    """What runs in the process from which this one was forked does not run here."""
    _up.clear()


def mark(name: str, up: bool) -> None:
    """This process's `name` runs, or does not."""
    _up[name] = up
    metrics.background_up(name, up)
    if _shown is not None and _shown.name == name:
        _shown.is_up = up


def forget(name: str) -> None:
    """`name` was stopped on purpose: nobody waits for it any more."""
    _up.pop(name, None)
    metrics.background_up(name, False)


def all_up() -> bool:
    """Whether everything that should run does."""
    return not down()


def down() -> set[str]:
    """What of this process, and of its parent's, should run, and does not just now."""
    found = {name for name, is_up in list(_up.items()) if not is_up}
    return found if _shown is None or _shown.is_up else found | {_shown.name}


class BackOff:
    """How long to wait before the next begin: 1 s, doubling to a minute, and anew from 1 s after a minute that went well."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def after(self, lasted_s: float) -> float:
        """Seconds to wait, after a run that lasted so long."""
        if lasted_s >= LONGEST_PAUSE_S:
            self._next_s = FIRST_PAUSE_S
        pause_s = self._next_s
        self._next_s = min(pause_s * 2, LONGEST_PAUSE_S)
        return pause_s


class Loops:
    """The supervised loops of one event loop."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def keep(self, name: str, work: Work) -> None:
        """Run `work` from now on, again whenever it raises or returns."""
        self._tasks.append(asyncio.create_task(_keep(name, work), name=name))

    async def stop(self) -> None:
        """Cancel them all and wait until they have ended. Who has not after STOP_S is left behind, and named: the process has to end."""
        left = await cancelling.end(self._tasks, STOP_S)
        if left:
            log.error("background.not_stopped", tasks=sorted(task.get_name() for task in left))
        self._tasks.clear()


async def _keep(name: str, work: Work) -> None:
    pauses = BackOff()
    try:
        while True:
            began = clock.monotonic()
            mark(name, True)
            try:
                await work()
                log.error("background.ended", task=name)
            except Exception:  # the root of the task: whatever it was, the work goes on
                log.exception("background.failed", task=name)
            mark(name, False)
            await asyncio.sleep(pauses.after(clock.monotonic() - began))
    finally:
        forget(name)
