"""The circuit breaker of one credential: closed, open until a time, then half-open for one trial at a time.

Pure: `now` is an argument, UTC epoch seconds.
"""

from apps.core.state.contract import BreakerPolicy, Pulse, Reason

TRIAL_TIMEOUT_S = 120.0
"""After that a trial counts as lost with its process, and another may start."""

TRIAL_POLL_S = 1.0
"""How soon it is worth asking again while a trial is under way: it may end at any moment."""

FORGET_AFTER_S = 86_400.0
"""A half-open breaker that nobody tries for a day is forgotten: its credential is gone or idle."""

_MAX_LEVEL = 64  # 2**64 times any base is above any maximum; beyond, floats overflow


class Breaker:
    """Exists only from the first failure to the success that ends it, so a healthy credential has none."""

    __slots__ = ("failures", "forget_at", "level", "open_until", "opened_at", "trial", "trial_until")

    def __init__(self) -> None:
        self.failures: list[float] = []
        self.level = 0
        self.open_until: float | None = None  # None: closed; in the past: half-open
        self.opened_at = 0.0
        self.trial = ""  # id of the grant that probes
        self.trial_until = 0.0
        self.forget_at = 0.0

    def shut(self, now: float) -> tuple[float, Reason] | None:
        """Until when and why nothing may pass; None when a request may, be it as the trial."""
        if self.open_until is None:
            return None
        if now < self.open_until:
            return self.open_until, "breaker"
        if self.trial and now < self.trial_until:
            return min(now + TRIAL_POLL_S, self.trial_until), "half_open"
        return None

    def pulse(self) -> Pulse:
        """What people are told of it."""
        is_open = self.open_until is not None
        return Pulse(tuple(self.failures), self.level + 1 if is_open else 0, self.opened_at)

    def begin(self, grant_id: str, now: float) -> bool:
        """Let a request through that `shut` does not stop. Returns whether it is the trial."""
        if self.open_until is None:
            return False
        self.trial, self.trial_until = grant_id, now + TRIAL_TIMEOUT_S
        return True

    def ends_with(self, grant_id: str) -> bool:
        """Whether that request's success leaves nothing of it: of an open one only the trial's does. The others left before it opened, and
        what broke since then they have not seen."""
        return self.open_until is None or grant_id == self.trial

    def release(self, grant_id: str) -> None:
        """The request ended without a verdict: if it was the trial, the next one may try."""
        if grant_id == self.trial:
            self.trial = ""

    def fail(self, grant_id: str, policy: BreakerPolicy, now: float) -> bool:
        """Count a failure. Returns whether it opened the breaker.

        While not closed only the trial's failure counts: the others left before it opened, and say nothing
        new.
        """
        if self.open_until is None:
            self.failures = [at for at in self.failures if at > now - policy.window_s]
            self.failures.append(now)
            self.forget_at = now + policy.window_s
            if len(self.failures) < policy.threshold:
                return False
        elif grant_id == self.trial:
            self.level = min(self.level + 1, _MAX_LEVEL)
        else:
            return False
        self._open(policy, now)
        return True

    def rewind(self, now: float) -> None:
        """The clock went back to `now`: nothing has happened after it."""
        self.failures = [min(at, now) for at in self.failures]
        self.trial_until = min(self.trial_until, now + TRIAL_TIMEOUT_S)
        if self.open_until is not None and self.opened_at > now:
            self.open_until -= self.opened_at - now
            self.opened_at = now

    def _open(self, policy: BreakerPolicy, now: float) -> None:
        self.failures = []
        self.trial = ""
        self.opened_at = now
        self.open_until = now + min(policy.base_s * 2.0**self.level, policy.max_s)
        self.forget_at = self.open_until + FORGET_AFTER_S
