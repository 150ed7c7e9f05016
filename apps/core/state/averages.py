"""What is measured of one candidate: exponential moving averages and the requests under way."""

from apps.core.state.contract import Completion

ALPHA = 0.3
FORGET_AFTER_S = 86_400.0
"""Averages that nothing has fed for a day say nothing about now."""


class Averages:
    """Averages are None until measured. Only successes tell a latency; neutral endings tell nothing."""

    __slots__ = (
        "in_flight",
        "last_latency_ms",
        "latency_ema_ms",
        "measured_at",
        "success_rate",
        "ttfb_ema_ms",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.measured_at = 0.0
        self.latency_ema_ms: float | None = None
        self.last_latency_ms: float | None = None
        self.ttfb_ema_ms: float | None = None
        self.success_rate: float | None = None

    def finish(self, completion: Completion, now: float) -> None:
        """Take in how a request that was in flight ended."""
        self.in_flight -= 1
        if completion.health == "neutral":
            return
        self.measured_at = now
        succeeded = completion.health == "success"
        self.success_rate = _ema(self.success_rate, 1.0 if succeeded else 0.0)
        if not succeeded:
            return
        if completion.latency_ms is not None:
            self.last_latency_ms = completion.latency_ms
            self.latency_ema_ms = _ema(self.latency_ema_ms, completion.latency_ms)
        if completion.ttfb_ms is not None:
            self.ttfb_ema_ms = _ema(self.ttfb_ema_ms, completion.ttfb_ms)

    def idle(self, now: float) -> bool:
        """Whether nothing is left to remember."""
        return not self.in_flight and now >= self.measured_at + FORGET_AFTER_S


def _ema(average: float | None, value: float) -> float:
    return value if average is None else average + ALPHA * (value - average)
