"""What an account's circuit breaker does, in words: pure but for the clock's word, which is an argument."""

from typing import NamedTuple

from apps.console.readings import Reading
from apps.console.words import length
from apps.core.state.contract import BreakerPolicy, Pulse


class Told(NamedTuple):
    """`word` with its tone and icon, then sentences: what becomes of requests, and what led to it ("" for nothing)."""

    tone: str
    icon: str
    word: str
    then: str
    why: str


def told(reading: Reading, policy: BreakerPolicy, now: float) -> Told:
    """`policy`: the one in force, which says when it opens and for how long."""
    state, pulse = reading.state, reading.breaker
    if state.reason == "breaker":
        then = f"tried again in {length(state.blocked_for_s)}"
        return Told("warn", "alert", "Open", then, _opened(pulse, policy))
    if state.reason == "half_open" and pulse is not None and pulse.opened:
        return Told("warn", "clock", "On trial", "one request finds out now", _opened(pulse, policy))
    if pulse is not None and pulse.opened:
        return Told("warn", "clock", "Half open", "the next request is its trial", _opened(pulse, policy))
    then = "closed for another reason" if state.reason else "requests may pass"
    return Told("ok", "check", "Closed", then, _failing(pulse, policy, now))


def _opened(pulse: Pulse | None, policy: BreakerPolicy) -> str:
    if pulse is None or not pulse.opened:
        return ""
    next_s = min(policy.base_s * 2.0**pulse.opened, policy.max_s)
    times = "once" if pulse.opened == 1 else f"{pulse.opened} times in a row"
    return f"Opened {times}. A failed trial closes the account for {length(next_s)}."


def _failing(pulse: Pulse | None, policy: BreakerPolicy, now: float) -> str:
    recent = sum(at > now - policy.window_s for at in pulse.failures) if pulse else 0
    if not recent:
        return ""
    failures = "failure" if recent == 1 else "failures"
    return f"{recent} {failures} within {length(policy.window_s)}; it opens at {policy.threshold}."
