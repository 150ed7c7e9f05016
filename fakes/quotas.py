"""Windows that a provider enforces: it counts what it served, by itself, and refuses what does not fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from .faults import DAY_S, MINUTE_S, Fault

Metric = Literal["requests", "tokens"]
ACCOUNT = ""


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` of `metric` per `length_s`: in a bucket that refills, over the last such time, or from each boundary on."""

    metric: Metric
    limit: int
    length_s: int = MINUTE_S
    kind: Literal["bucket", "rolling", "fixed"] = "fixed"
    per_model: bool = True

    @property
    def fault(self) -> Fault:
        """How it refuses."""
        if self.length_s >= DAY_S:
            return Fault.RATE_DAY
        return Fault.RATE_TOKENS if self.metric == "tokens" else Fault.RATE_MINUTE


@dataclass(slots=True)
class _Used:
    """What one window of one model has served: each charge, for as long as it matters."""

    window: Window
    charges: deque[tuple[float, int]] = field(default_factory=deque)
    level: float = 0.0
    at: float = 0.0

    def now(self, now: float) -> float:
        window = self.window
        if window.kind == "bucket":
            self.level = max(0.0, self.level - (now - self.at) * window.limit / window.length_s)
            self.at = now
            return self.level
        since = (
            now - window.length_s if window.kind == "rolling" else now // window.length_s * window.length_s
        )
        while self.charges and (
            self.charges[0][0] <= since if window.kind == "rolling" else self.charges[0][0] < since
        ):
            self.charges.popleft()
        return sum(amount for _, amount in self.charges)

    def charge(self, amount: int, now: float) -> None:
        self.level += amount
        if self.window.kind != "bucket":
            self.charges.append((now, amount))


class Quotas:
    """The enforced windows of one provider. Times are epoch seconds and never go back."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._windows = tuple(windows)
        self._used: dict[tuple[str, Window], _Used] = {}
        self.served = 0
        self.refused = 0

    def take(self, model: str, tokens: int, now: float, *, up_to: int = 0) -> Fault | None:
        """Charge a request to all windows; or to none, and say how the first full one refuses it. `up_to`: how many tokens it might take,
        for all of which there has to be room."""
        needed = {"requests": 1, "tokens": max(tokens, up_to)}
        counted = [self._of(model, window) for window in self._windows]
        for used in counted:
            if used.now(now) + needed[used.window.metric] > used.window.limit + 1e-6:
                self.refused += 1
                return used.window.fault
        taken = {"requests": 1, "tokens": tokens}
        for used in counted:
            used.charge(taken[used.window.metric], now)
        self.served += 1
        return None

    def left(self, model: str, metric: Metric, length_s: int, now: float) -> int | None:
        """What the model may still take of a window; None where it has no such window."""
        for window in self._windows:
            if (window.metric, window.length_s) == (metric, length_s):
                return max(0, int(window.limit - self._of(model, window).now(now)))
        return None

    def _of(self, model: str, window: Window) -> _Used:
        key = (model if window.per_model else ACCOUNT, window)
        if key not in self._used:
            self._used[key] = _Used(window)
        return self._used[key]
