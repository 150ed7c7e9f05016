"""Both stores, step by step: whatever is asked of one is asked of the other, by the same frozen clock, and they answer the same."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from apps.core.state.contract import Block, Claim, Completion, Grant, Kind, Report, Subject, Window
from apps.core.state.keys import CONCURRENCY, client_key
from apps.core.state.memory import MemoryStore
from apps.core.state.periods import ONCE
from apps.core.state.redis.store import RedisStore
from tests.core.state.builders import KINDS, POLICY, at
from tests.core.state.conftest import PATIENCE_S, Fleets
from tests.redis_server import needs_redis

pytestmark = [pytest.mark.redis, pytest.mark.timeout(PATIENCE_S), needs_redis]

START = at("2026-10-31 23:59:30", "America/Los_Angeles")
ACCOUNT = "1:groq"
CANDIDATES = [f"{ACCOUNT}|{name}" for name in ("one", "two", "three")]
PERIODS = ["second", "minute", "5hour", "day", "week", "month"]
ZONES = ["UTC", "America/Los_Angeles"]
GAPS_S = [0.0, 0.0, 0.004, 0.3, 0.98, 1.0, 7.7, 59.0, 61.0, 131.0, 1800.0, 40_000.0, 90_000.0]
REASONS = ["rate_limited", "payment_required", "model_gone", "quarantine"]


@st.composite
def windows_of(draw: st.DrawFn, scope: str, kinds: Sequence[Kind]) -> list[Window]:
    """Some of a scope, of all margins."""
    one = st.builds(
        lambda metric, period, limit, kind, zone, margin_s, own: Window(
            f"{scope}#{metric}/{period}", metric, period, limit, kind, zone, margin_s, own
        ),
        st.sampled_from(["requests", "requests", "tokens", CONCURRENCY]),
        st.sampled_from([*PERIODS, ONCE]),
        st.integers(0, 12),
        st.sampled_from(kinds),
        st.sampled_from(ZONES),
        st.sampled_from([0.0, 0.25]),
        st.booleans(),
    )
    return draw(st.lists(one, max_size=3, unique_by=lambda window: window.key))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[bool, list[Subject]]:
    """Three models of an account, which share its windows; and whether refusals are to teach of them. A bucket takes over what was taught
    when somebody looks at it next: in memory with a view, in Redis with a claim. So there are none then."""
    is_taught = draw(st.booleans())
    kinds = [kind for kind in KINDS if kind != "bucket" or not is_taught]
    shared = draw(windows_of(ACCOUNT, kinds))
    return is_taught, [
        Subject(ACCOUNT, candidate, (*shared, *draw(windows_of(candidate, kinds))))
        for candidate in CANDIDATES
    ]


amounts = st.fixed_dictionaries(
    {"requests": st.just(1), CONCURRENCY: st.just(1)}, optional={"tokens": st.integers(0, 6)}
)
blocks = st.builds(
    lambda scope, length_s, reason, grows, by: (scope, length_s, reason, grows, by),
    st.sampled_from([ACCOUNT, *CANDIDATES]),
    st.sampled_from([1.0, 30.0, 3600.0]),
    st.sampled_from(REASONS),
    st.sampled_from([0.0, 86_400.0]),
    st.booleans(),
)
ends = st.fixed_dictionaries(
    {
        "health": st.sampled_from(["success", "success", "failure", "neutral"]),
        "spent": st.fixed_dictionaries(
            {}, optional={"requests": st.integers(0, 1), "tokens": st.integers(0, 9)}
        ),
        "blocks": st.lists(blocks, max_size=1),
        "refused": st.booleans(),
        "named": st.booleans(),
        "told": st.sampled_from([0, 0, 0, 3]),
    }
)
steps = st.lists(
    st.tuples(
        st.sampled_from(GAPS_S),
        st.one_of(
            st.tuples(st.just("acquire"), st.integers(0, 2), amounts),
            st.tuples(st.just("acquire"), st.integers(0, 2), amounts),
            st.tuples(st.just("complete"), st.integers(0, 5), ends),
            st.tuples(st.just("tighten"), st.integers(0, 20), st.integers(0, 12)),
            st.tuples(st.just("take"), st.integers(1, 3), st.none()),
            st.tuples(st.just("reset"), st.none(), st.none()),
        ),
    ),
    min_size=1,
    max_size=40,
)


class Pair:
    """One of each."""

    def __init__(self, fleets: Fleets) -> None:
        self.memory = MemoryStore()
        self.redis: RedisStore = fleets.new()
        self.trips: list[list[str]] = [[], []]
        self.memory.on_trip = self.trips[0].append
        self.redis.on_trip = self.trips[1].append

    async def both(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Ask both. Returns what both said."""
        first = await getattr(self.memory, name)(*arguments, **named)
        second = await getattr(self.redis, name)(*arguments, **named)
        assert first == second, (name, arguments)
        return first


@pytest.fixture
async def fleets() -> AsyncIterator[Fleets]:
    made = Fleets()
    yield made
    await made.aclose()


CLIENT = client_key(1, 7)
OF_CLIENT = (
    Window(f"{CLIENT}#requests/minute", "requests", "minute", 5, "rolling"),
    Window(f"{CLIENT}#requests/day", "requests", "day", 40),
)


@given(world=worlds(), script=steps)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_they_answer_the_same(
    fleets: Fleets, world: tuple[bool, list[Subject]], script: list[Any]
) -> None:
    pair, now = Pair(fleets), START
    note(f"{world} {script}")  # the values are too long for the report
    under_way: list[Grant] = []
    is_taught, subjects = world
    all_windows = [*dict.fromkeys(window for one in subjects for window in one.windows)]

    for number, (gap_s, (kind, which, what)) in enumerate(script):
        now += gap_s
        if kind == "acquire":
            answer = await pair.both("acquire", Claim(f"c{number}", subjects[which], what), now)
            under_way += [answer] if isinstance(answer, Grant) else []
        elif kind == "complete" and under_way:
            grant = under_way.pop(which % len(under_way))
            await pair.both("complete", grant, _completion(grant, what, now, is_taught), POLICY, now)
        elif kind == "tighten" and all_windows:
            await pair.both("tighten", [Report(all_windows[which % len(all_windows)], what)], now)
        elif kind == "take":
            await pair.both("take", OF_CLIENT, {"requests": which}, now)
        elif kind == "reset":
            await pair.both("reset", ACCOUNT, now)
        assert await pair.both("open_grants") == len(under_way)
        await pair.both("view", subjects, now)
        await pair.both("glance", subjects, now)
        await pair.both("read", all_windows, now)
    assert pair.trips[0] == pair.trips[1]


def _completion(grant: Grant, what: dict[str, Any], now: float, is_taught: bool) -> Completion:
    candidate = grant.claim.subject.candidate
    is_refused = is_taught and what["refused"]
    return Completion(
        health="neutral" if is_refused else what["health"],
        spent=what["spent"],
        latency_ms=120.0,
        ttfb_ms=40.0,
        blocks=tuple(
            Block(
                scope,
                now + length_s,
                reason,
                "Why.",
                now,
                max_s,
                (candidate,) if by and scope == ACCOUNT else (),
            )
            for scope, length_s, reason, max_s, by in what["blocks"]
        ),
        refused=tuple(window.key for window in grant.claim.subject.windows) if is_refused else (),
        named=what["named"],
        told=what["told"],
    )
