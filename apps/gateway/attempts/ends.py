"""Until when attempts may take, on one timer for all of them: `asyncio.timeout_at` makes one for each."""

import asyncio
from contextlib import AbstractContextManager
from types import TracebackType

from apps.providers.http.deadlines import Deadlines


class Ends:
    """Those of one event loop."""

    def __init__(self) -> None:
        self._deadlines: Deadlines | None = None

    def until(self, deadline: float) -> AbstractContextManager[None]:
        """What the current task does inside of it ends then, on the loop's clock. Raises TimeoutError, up to GRANULARITY_S late."""
        if self._deadlines is None:
            self._deadlines = Deadlines(asyncio.get_running_loop())
        return _Until(self._deadlines, deadline)


class _Until:
    """As asyncio.timeouts.Timeout: who else cancels the task is told apart by how often it was cancelled."""

    __slots__ = ("_cancelled_before", "_deadlines", "_has_passed", "_task", "deadline")

    def __init__(self, deadlines: Deadlines, deadline: float) -> None:
        self._deadlines = deadlines
        self.deadline = deadline
        self._has_passed = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Only a task has an end.")
        self._task, self._cancelled_before = task, task.cancelling()
        self._deadlines.watch(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.forget(self)
        if (
            self._has_passed
            and self._task.uncancel() <= self._cancelled_before
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def expire(self) -> None:
        """See `Watched`. Once: it is looked at until it is left."""
        if not self._has_passed:
            self._has_passed = True
            self.deadline = float("inf")
            self._task.cancel()
