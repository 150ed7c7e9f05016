"""What a provider believes was used of its rate limits, for the headers that tell it.

The fake counts and reports; it refuses on its own only what a test has it enforce (`quotas`), else a 429 is a behaviour that a test asks
for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .faults import DAY_S, MINUTE_S
from .prompt_caches import PromptCache
from .quotas import Quotas

_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits that a provider states."""

    requests_per_minute: int = 30
    requests_per_day: int = 14_400
    tokens_per_minute: int = 6_000


@dataclass(slots=True, kw_only=True)
class Meter:
    """Counts of the current UTC minute and day of one provider, and its requests under way."""

    limits: Limits = field(default_factory=Limits)
    quotas: Quotas | None = None
    prompts: PromptCache = field(default_factory=PromptCache)
    minute: int = -1
    day: int = -1
    minute_requests: int = 0
    minute_tokens: int = 0
    day_requests: int = 0
    in_flight: int = 0

    def clear(self) -> None:
        """Forget what was used; what is under way stays counted."""
        self.minute = self.day = -1
        self.minute_requests = self.minute_tokens = self.day_requests = 0
        self.prompts.clear()

    def count(self, tokens: int, *, now: float) -> None:
        """Add one answered request of `tokens` at epoch second `now`."""
        if self.minute != int(now // MINUTE_S):
            self.minute, self.minute_requests, self.minute_tokens = int(now // MINUTE_S), 0, 0
        if self.day != int(now // DAY_S):
            self.day, self.day_requests = int(now // DAY_S), 0
        self.minute_requests += 1
        self.minute_tokens += tokens
        self.day_requests += 1

    @property
    def left_requests_minute(self) -> int:
        """Requests left this minute, never below 0."""
        return max(0, self.limits.requests_per_minute - self.minute_requests)

    @property
    def left_requests_day(self) -> int:
        """Requests left today, never below 0."""
        return max(0, self.limits.requests_per_day - self.day_requests)

    @property
    def left_tokens_minute(self) -> int:
        """Tokens left this minute, never below 0."""
        return max(0, self.limits.tokens_per_minute - self.minute_tokens)


def go_duration(seconds: float) -> str:
    """A duration as Go prints it, which is how Groq does: `370ms`, `7.66s`, `2m59.56s`, `1h2m0s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    hours, rest = divmod(seconds, _HOUR_S)
    minutes, rest = divmod(rest, MINUTE_S)
    text = f"{rest:.2f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{int(hours)}h{int(minutes)}m{text}"
    return f"{int(minutes)}m{text}" if minutes else text
