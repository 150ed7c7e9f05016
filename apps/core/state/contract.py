"""What the gateway remembers between requests: quota windows, blocks, circuit breakers and averages.

One contract, two stores: `memory.MemoryStore` for a single process, a Redis store for a fleet. Both run the same contract tests.
Every call is one round trip and atomic. The store knows keys and numbers; what they mean (limits of a provider, the policy after an
error) is decided by its callers. `now` is always an argument: UTC epoch seconds.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Literal, Protocol

from msgspec import Struct

from apps.core.state.keys import Metric, Span, parse_window_key, window_key
from apps.core.state.periods import Period

Amounts = Mapping[Metric, int]
"""How much of each metric. A window of a metric that is not named is left alone."""
Health = Literal["success", "failure", "neutral"]
Reason = Literal["quota", "rate_limited", "quarantine", "model_gone", "breaker", "half_open"]


class Window(Struct, frozen=True):
    """A quota window of one metric: `limit` per `period`, 0 for counted but unlimited.

    A fixed window starts on the period's boundary (days and longer: local midnight in `zone`); a rolling one covers the last period,
    so that nothing is counted longer than that, and may over-count by its oldest sixtieth, never under-count. A rolling month is 30 days.
    """

    key: str
    metric: Metric
    period: Period
    limit: int
    rolling: bool = False
    zone: str = "UTC"

    @classmethod
    def of(cls, scope: str, span: Span, limit: int, *, rolling: bool = False, zone: str = "UTC") -> "Window":
        """The window of `scope` over `span`."""
        return cls(window_key(scope, span), span.metric, span.period, limit, rolling, zone)

    @property
    def span(self) -> Span:
        """What it counts, and over which length."""
        return Span(self.metric, self.period)

    @property
    def scope(self) -> str:
        """Whose it is: the key of a credential, candidate or client key."""
        return parse_window_key(self.key).scope


class Subject(Struct, frozen=True):
    """The state keys of one candidate. `credential` carries breaker and account-wide blocks, `candidate` the averages."""

    credential: str
    candidate: str
    windows: tuple[Window, ...] = ()


class Standing(Struct, frozen=True):
    """What is known of one subject now. `used` is aligned with `Subject.windows`; averages are None until measured.

    `blocked_until` is 0.0 when requests may pass; `reason` then is None. A half-open breaker whose trial is free counts as
    passing; one whose trial is under way is blocked with reason "half_open". `detail`: what the block says of itself.
    """

    used: tuple[int, ...]
    blocked_until: float
    reason: Reason | None
    in_flight: int
    latency_ema_ms: float | None
    last_latency_ms: float | None
    ttfb_ema_ms: float | None
    success_rate: float | None
    detail: str = ""


class Claim(Struct, frozen=True, gc=False):
    """What an attempt asks for: `amounts` of every window of `subject`.

    `id` is the caller's, another for each attempt: a caller that never heard the answer can still say what the attempt came to.
    """

    id: str
    subject: Subject
    amounts: Amounts


class Grant(Struct, frozen=True, gc=False):
    """A reservation: `claim` was taken at `at`. `trial`: it probes a half-open breaker."""

    claim: Claim
    at: float
    trial: bool = False


class Refusal(Struct, frozen=True):
    """Nothing was taken. `retry_at` is the earliest time at which it may succeed; `window` names the full window, "" otherwise; `detail`
    is what a block says of itself."""

    reason: Reason
    retry_at: float
    window: str = ""
    detail: str = ""


class Block(Struct, frozen=True):
    """Close `scope` (a credential or candidate key) from `since` until `until`. Never shortens a later block.

    `detail`: why, and what to do about it, for people; it may be logged and stored. With `max_s`, one that comes after another of the
    same reason had ended lasts twice as long as that one, up to so many seconds; a success of the candidate, or a day without any, ends
    the row.
    """

    scope: str
    until: float
    reason: Reason
    detail: str = ""
    since: float = 0.0
    max_s: float = 0.0


class BreakerPolicy(Struct, frozen=True):
    """`threshold` failures within `window_s` open the breaker for min(base_s * 2**level, max_s); each failed trial raises the level."""

    threshold: int = 3
    window_s: float = 300.0
    base_s: float = 30.0
    max_s: float = 3600.0


class Completion(Struct, frozen=True, kw_only=True, gc=False):
    """How an attempt ended. `spent`: what it took in the end; of a metric that is not named what was claimed stays charged.

    `health` success feeds the averages and clears the failures of a closed breaker; an open one is closed by its trial's success, and by
    no other. failure counts for the breaker; neutral does neither.
    """

    health: Health
    spent: Amounts = {}
    latency_ms: float | None = None
    ttfb_ms: float | None = None
    blocks: tuple[Block, ...] = ()


class Report(Struct, frozen=True):
    """What an upstream says is left of `window`: `remaining` until `resets_at`. It only ever tightens."""

    window: Window
    remaining: int
    resets_at: float | None = None


class PastUsage(Struct, frozen=True):
    """Usage before this process started, to rebuild windows from: `amounts` charged to `windows` at `at`."""

    windows: tuple[Window, ...]
    at: float
    amounts: Amounts


ReadPast = Callable[[float], Awaitable[Iterable[PastUsage]]]
"""Reads what was used up to a time, UTC epoch seconds."""


class StateStore(Protocol):
    """See the module. All methods are safe to call from one event loop concurrently, and take effect in the order of the calls. A
    caller that is cancelled cannot know whether its call took effect: wholly or not at all, and not after a later one. What it may
    have been granted it gives back with `complete`; `complete` and `tighten` it calls again, for twice is as good as once.

    `on_trip` is called with the credential whose breaker a completion of this process opened.

    `now` may go back, when the clock of a host is put right. What is counted stays, but nothing that was to last for a time lasts longer
    than that from the new time on; `on_rewind` is called with the seconds that it went back.
    """

    on_trip: Callable[[str], None]
    on_rewind: Callable[[float], None]

    @property
    def mode(self) -> str:
        """Where the counters are kept now, in one word for operators; it may change while the store runs."""
        ...

    async def view(self, subjects: Sequence[Subject], now: float) -> list[Standing]:
        """The standing of each subject, in order."""
        ...

    async def acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        """Check blocks, breaker and every window, and take from all windows, or from none."""
        ...

    async def take(
        self, windows: Sequence[Window], amounts: Amounts, now: float
    ) -> tuple[int, ...] | Refusal:
        """Take from all of `windows`, or from none, for good: nothing is left to complete. Returns what is now used of each.

        For the limits of those who ask, which have neither breaker nor averages.
        """
        ...

    async def complete(self, grant: Grant, completion: Completion, policy: BreakerPolicy, now: float) -> None:
        """Settle a grant, once: a second call changes nothing, nor does one for a claim that was never granted.

        Corrections go to the windows that the grant was charged to, if they still run. A store may return when the call is on its way:
        nobody waits for what it comes to, and `on_trip` tells the rest.
        """
        ...

    async def tighten(self, reports: Sequence[Report], now: float) -> None:
        """Take over what upstreams report as left, where it is less than what the store believes."""
        ...

    async def reset(self, credential: str, now: float, *, before: float = inf) -> None:
        """Forget blocks and breaker of a credential and of what `keys.belongs` to it, where they began earlier than `before`. Counters
        stay."""
        ...

    async def restore(self, read: ReadPast, now: float) -> None:
        """Charge what earlier processes used, once for all processes that share the counters, before the first request.

        `read` is called by one process at a time, and only while nobody has restored them; the others wait for it. If it raises, the
        error passes through, nothing was charged, and whoever asks next reads anew. A store whose counters can get lost later keeps
        `read` and calls it again then.
        """
        ...

    async def open_grants(self) -> int:
        """Reservations not yet completed."""
        ...

    async def aclose(self) -> None:
        """Let go of everything, when all that was sent has arrived."""
        ...
