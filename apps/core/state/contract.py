"""What the gateway remembers between requests: quota windows, blocks, circuit breakers and averages.

One contract, two stores: `memory.MemoryStore` for a single process, a Redis store for a fleet. Both run the same contract tests.
Every call is one round trip and atomic. The store knows keys and numbers; what they mean (limits of a provider, the policy after an
error) is decided by its callers. `now` is always an argument: UTC epoch seconds.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from apps.core.state.keys import Metric, Span, parse_window_key, window_key
from apps.core.state.lesson import Lesson
from apps.core.state.periods import Period

Amounts = Mapping[Metric, int]
"""How much of each metric. A window of a metric that is not named is left alone."""
Health = Literal["success", "failure", "neutral"]
Kind = Literal["fixed", "rolling", "bucket", "first_use"]
"""How a window runs. fixed: it starts on the period's boundary (days and longer: local midnight in its zone). rolling: it covers the last
period. bucket: what was taken comes back continuously, the whole limit within a period. first_use: it starts with the first charge after
the last one has ended, and lasts a period."""
Reason = Literal[
    "quota",
    "rate_limited",
    "throttled",
    "quarantine",
    "payment_required",
    "unsupported_region",
    "not_in_plan",
    "model_gone",
    "service_retired",
    "address_changed",
    "breaker",
    "half_open",
]
REPEATS_WITHIN_S = 86_400.0
"""A growing block that comes so long after the last one of its row had ended begins anew."""


class Window(Struct, frozen=True):
    """A quota window of one metric: `limit` per `period`, 0 for counted but unlimited.

    A fixed window's days and longer begin at local midnight in `zone`; elsewhere a month is 30 days. In a rolling one nothing is counted
    longer than a period, and it may over-count by its oldest sixtieth, never under-count. A bucket is exact to the microsecond. Those of
    the metric "concurrency" and of the period "once" end with no time, whatever their kind: see `Completion` and `restore`.

    `margin_s`: whoever enforces it hears of a charge up to so many seconds later, or may be that far ahead or behind with a boundary. No
    charge that the store grants is then refused there: it counts that much longer, in a fixed window also in the next one where it may
    fall into that. A second is spacing then, whatever its kind: exact, and with a margin of its own that refusals widen.

    `own`: a person set it. What a claim takes has to fit as it is, elsewhere what is known of it beforehand, where that is less
    (`Claim.known`); and what refusals teach may tighten it, but nothing loosens it. `certain`: whoever enforces it has named the number, so
    that nobody asks for more.
    """

    key: str
    metric: Metric
    period: Period
    limit: int
    kind: Kind = "fixed"
    zone: str = "UTC"
    margin_s: float = 0.0
    own: bool = False
    certain: bool = False

    @classmethod
    def of(cls, scope: str, span: Span, limit: int, *, kind: Kind = "fixed", zone: str = "UTC") -> "Window":
        """The window of `scope` over `span`, without a margin."""
        return cls(window_key(scope, span), span.metric, span.period, limit, kind, zone)

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


class Pulse(Struct, frozen=True):
    """What a circuit breaker that is not at rest knows, for people: when failures came while it is closed, UTC epoch seconds; and how often
    in a row it has opened, 0 for a closed one, at last `opened_at`."""

    failures: tuple[float, ...]
    opened: int
    opened_at: float


class Standing(Struct, frozen=True):
    """What is known of one subject now. `used` is aligned with `Subject.windows`; averages are None until measured.

    `blocked_until` is 0.0 when requests may pass; `reason` then is None. What is half-open (a breaker, or a growing block that has ended)
    counts as passing while its trial is free; while it is under way, it is blocked with reason "half_open". `detail`: what the block says
    of itself, until a trial has proved that it is over. `breaker`: None while it is at rest, or where a store does not tell.
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
    breaker: Pulse | None = None


class Reading(Struct, frozen=True):
    """What is known of one window now. `used` as in `Standing`; `counted`: what of it was charged here, whatever an upstream reports.

    `lesson`: what refusals and probes taught of its limit, None while nothing did. `free_at`: 0.0 while one more fits, else the earliest
    time at which it may. `resets_at`: when nothing of `used` counts any more if nothing is added, None where no time ends it or nothing
    is there to end. `returns`: what a rolling window gives back until then, by time. `reported_at`: when the upstream said what makes
    `used` more than `counted`. `granted`: what the upstream granted in one period not long ago, 0 where nothing is known of that.
    """

    used: int
    counted: int
    free_at: float
    resets_at: float | None
    returns: tuple[tuple[float, int], ...] = ()
    reported_at: float | None = None
    lesson: Lesson | None = None
    granted: int = 0


class Claim(Struct, frozen=True, gc=False):
    """What an attempt asks for: `amounts` of every window of `subject`.

    `known`: of a metric that is named here so much has to fit, where a window is not `own`; what is taken is the amount. Whoever admits
    requests upstream does not know either how long an answer becomes: a window there may be overdrawn by what turns out.

    `id` is the caller's, another for each attempt: a caller that never heard the answer can still say what the attempt came to.
    """

    id: str
    subject: Subject
    amounts: Amounts
    known: Amounts = {}


class Grant(Struct, frozen=True, gc=False):
    """A reservation: `claim` was taken at `at`. `trial`: it probes a half-open breaker. `tries`: the reason of the growing block that it
    probes, of several the widest."""

    claim: Claim
    at: float
    trial: bool = False
    tries: Reason | None = None


class Refusal(Struct, frozen=True):
    """Nothing was taken. `retry_at` is the earliest time at which it may succeed; `window` names the full window, "" otherwise; `detail`
    is what a block says of itself."""

    reason: Reason
    retry_at: float
    window: str = ""
    detail: str = ""


class Block(Struct, frozen=True):
    """Close `scope` (a credential, candidate or provider key) from `since` until `until`. Never shortens a later block.

    `detail`: why, and what to do about it, for people; it may be logged and stored. With `max_s`, one that comes after another of the
    same reason had ended lasts twice as long as that one, up to so many seconds; in between one request at a time tries whether it is
    over. A success within the scope, or a day without any, ends the row.

    `by`: the candidates whose refusals closed a whole account. Where another one of the account succeeds afterwards, they were closed
    wrongly together: the account opens, and each of these is closed by itself, from then on as well.
    """

    scope: str
    until: float
    reason: Reason
    detail: str = ""
    since: float = 0.0
    max_s: float = 0.0
    by: tuple[str, ...] = ()

    @property
    def remembered_until(self) -> float:
        """Until when it may matter what it was."""
        return self.until + REPEATS_WITHIN_S if self.max_s else self.until


class Glance(NamedTuple):
    """What of a standing changes from one request to the next; its fields, as there."""

    blocked_until: float
    in_flight: int
    success_rate: float | None


class BreakerPolicy(Struct, frozen=True):
    """`threshold` failures within `window_s` open the breaker for min(base_s * 2**level, max_s); each failed trial raises the level."""

    threshold: int = 3
    window_s: float = 300.0
    base_s: float = 30.0
    max_s: float = 3600.0


class Completion(Struct, frozen=True, kw_only=True, gc=False):
    """How an attempt ended. `spent`: what it took in the end; of a metric that is not named what was claimed stays charged. Calls at a
    time are given back in any case.

    `health` success feeds the averages and clears the failures of a closed breaker; an open one is closed by its trial's success, and by
    no other. failure counts for the breaker; neutral does neither. `refused`: the keys of those of its windows that the upstream may have
    found full; `named`: it said so of them, else they are suspects, of which the fullest by our own count may be it. `told`: how much it
    said that they allow, 0 where it did not.
    """

    health: Health
    spent: Amounts = {}
    latency_ms: float | None = None
    ttfb_ms: float | None = None
    blocks: tuple[Block, ...] = ()
    refused: tuple[str, ...] = ()
    named: bool = False
    told: int = 0


class Report(Struct, frozen=True):
    """What an upstream says is left of `window`: `remaining` until `resets_at`. It only ever tightens."""

    window: Window
    remaining: int
    resets_at: float | None = None


class Skew(Struct, frozen=True):
    """The clock of an upstream: so many seconds ahead of ours (behind where less than 0), give or take `doubt_s`."""

    ahead_s: float = 0.0
    doubt_s: float = 0.0


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

    async def glance(self, subjects: Sequence[Subject], now: float) -> list[Glance]:
        """As `view`, for a third of its price."""
        ...

    async def read(self, windows: Sequence[Window], now: float) -> list[Reading]:
        """What is known of each window, in order. For what people are told, not for requests: it may cost several times a `view`."""
        ...

    async def acquire(self, claim: Claim, now: float) -> Grant | Refusal:
        """Check blocks, breaker and every window, and take from all windows, or from none."""
        ...

    async def acquire_first(self, claims: Sequence[Claim], now: float) -> list[Grant | Refusal]:
        """Try claims of one account in order, in one step: the refusals before the first that fits, and its grant, if one does."""
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

    async def set_clock(self, provider: str, skew: Skew, now: float) -> None:
        """From now on the fixed windows of `provider` (its key) begin by its own clock."""
        ...

    async def reset(self, owner: str, now: float, *, before: float = inf) -> None:
        """Forget blocks and breakers of what `keys.belongs` to a credential, or to a provider (of each of its accounts by itself), and
        the blocks of the provider as a whole, where they began earlier than `before`. Counters and averages stay."""
        ...

    async def restore(self, read: ReadPast, now: float) -> None:
        """Charge what earlier processes used, once for all processes that share the counters, before the first request.

        `read` is called by one process at a time, and only while nobody has restored them; the others wait for it. If it raises, the
        error passes through, nothing was charged, and whoever asks next reads anew. A store whose counters can get lost later keeps
        `read` and calls it again then. Calls at a time are not charged: those of a process end with it.
        """
        ...

    async def open_grants(self) -> int:
        """Reservations not yet completed."""
        ...

    async def aclose(self) -> None:
        """Let go of everything, when all that was sent has arrived."""
        ...
