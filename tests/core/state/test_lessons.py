"""What refusals teach of windows, through the store: limits that hold, more that is asked for, and what outlives a restart."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Block, Completion, Grant, Refusal, Skew, StateStore, Subject, Window
from apps.core.state.journal import Journal
from apps.core.state.memory import MemoryStore
from benchmarks.pool.truth import Counter, TrueWindow
from tests.core.state.builders import (
    CREDENTIAL,
    NOON,
    POLICY,
    SUCCESS,
    finish,
    reading,
    refused,
    requests,
    subject,
    take,
    tokens,
    used,
)
from tests.factories import make_claim

MINUTE = replace(requests(30, kind="rolling"), margin_s=0.25)
MODEL = Window(f"{CREDENTIAL}|llama#requests/minute", "requests", "minute", 0, "rolling", margin_s=0.25)


class Upstream:
    """One that admits so many a rolling minute, and answers at once."""

    def __init__(self, store: StateStore, limit: int, *windows: Window, named: bool = False) -> None:
        self.store = store
        self.limit = limit
        self.windows = windows
        self.named = named
        self.told = 0
        self.charges: list[float] = []
        self.refused = 0

    async def ask(self, now: float) -> str:
        """ "held" back by the store, "refused" or "served"."""
        grant = await self.store.acquire(make_claim(subject(*self.windows)), now)
        if isinstance(grant, Refusal):
            return "held"
        self.charges = [at for at in self.charges if at > now - 60]
        if len(self.charges) < self.limit:
            self.charges.append(now)
            await finish(self.store, grant, SUCCESS, now)
            return "served"
        self.refused += 1
        keys = tuple(window.key for window in self.windows)
        refusal = Completion(
            health="neutral", spent={"requests": 1}, refused=keys, named=self.named, told=self.told
        )
        await finish(self.store, grant, refusal, now)
        return "refused"

    async def saturate(self, begin: float, minutes: float) -> int:
        """Ask four times a second; returns how many were served."""
        served = 0
        for quarter in range(round(minutes * 240)):
            served += await self.ask(begin + quarter / 4) == "served"
        return served


async def limit_of(store: StateStore, window: Window, now: float) -> int:
    found = (await store.read([window], now))[0]
    return window.limit if found.lesson is None else found.lesson.limit_of(window)


async def test_a_refusal_far_below_its_limit_cuts_the_window_to_what_was_used(store: StateStore) -> None:
    upstream = Upstream(store, 18, MINUTE)

    await upstream.saturate(NOON, 1)

    assert await limit_of(store, MINUTE, NOON + 60) == 18
    assert upstream.refused == 1


async def test_one_refusal_near_the_limit_says_nothing_a_second_does(store: StateStore) -> None:
    upstream = Upstream(store, 29, MINUTE)

    await upstream.saturate(NOON, 0.5)
    after_one = await limit_of(store, MINUTE, NOON + 30)
    await upstream.saturate(NOON + 30, 2)

    assert after_one == 30 or upstream.refused > 1
    assert await limit_of(store, MINUTE, NOON + 150) == 29
    assert upstream.refused <= 4


async def test_a_limit_that_is_too_high_is_hit_a_few_times_and_not_for_ever(store: StateStore) -> None:
    upstream = Upstream(store, 16, MINUTE)

    served = await upstream.saturate(NOON, 30)

    assert upstream.refused <= 12
    assert served >= 0.93 * 16 * 30


async def test_a_limit_that_is_too_low_is_found_out(store: StateStore) -> None:
    upstream = Upstream(store, 60, replace(MINUTE, limit=30))

    served = await upstream.saturate(NOON, 60)

    assert served >= 0.8 * 60 * 60
    assert upstream.refused <= 0.02 * served


async def test_a_day_that_is_declared_too_low_is_found_out_within_minutes(store: StateStore) -> None:
    day = replace(requests(20, "day", kind="rolling"), margin_s=0.25)
    elsewhere = Upstream(store, 2_000)
    for _ in range(1_200):
        await elsewhere.ask(NOON)
    upstream = Upstream(store, 200, day)

    served = 0
    for second in range(900):
        served += await upstream.ask(NOON + second) == "served"

    assert served >= 100
    assert not upstream.refused or await limit_of(store, day, NOON + 900) >= 100


async def test_of_a_model_of_which_nothing_is_declared_the_minute_is_learnt(store: StateStore) -> None:
    upstream = Upstream(store, 10, requests(0), MODEL)

    served = await upstream.saturate(NOON, 20)

    assert served >= 0.85 * 10 * 20
    assert upstream.refused <= 15


def model_of(name: str) -> Subject:
    """One of an account of which nothing is declared."""
    scope = f"{CREDENTIAL}|{name}"
    minute = Window(f"{scope}#requests/minute", "requests", "minute", 0, "rolling", margin_s=0.25)
    return Subject(CREDENTIAL, scope, (replace(ACCOUNT, limit=0), minute))


ACCOUNT = replace(requests(0, kind="rolling"), margin_s=0.25)


async def refuse(store: StateStore, one: Subject, now: float, told: int = 0) -> None:
    grant = await store.acquire(make_claim(one), now)
    assert isinstance(grant, Grant), grant
    keys = tuple(window.key for window in one.windows)
    await finish(store, grant, Completion(health="neutral", refused=keys, named=bool(told), told=told), now)


async def test_several_models_that_are_refused_in_a_row_are_an_account_that_is_full(
    store: StateStore,
) -> None:
    for number in range(20):
        await finish(
            store, await take(store, model_of(f"m{number % 5}"), NOON + number), SUCCESS, NOON + number
        )
    for number in range(4):
        await refuse(store, model_of(f"m{number}"), NOON + 21 + number)

    assert await limit_of(store, ACCOUNT, NOON + 27) == 20
    assert await limit_of(store, model_of("m0").windows[1], NOON + 27) == 0


async def test_where_the_account_was_full_none_of_its_models_is_asked(store: StateStore) -> None:
    one = Subject(CREDENTIAL, f"{CREDENTIAL}|one", (MINUTE,))
    grant = await take(store, one, NOON)
    block = Block(one.candidate, NOON + 30, "rate_limited", since=NOON)
    refusal = Completion(health="neutral", refused=(MINUTE.key,), named=True, blocks=(block,))

    await finish(store, grant, refusal, NOON)

    assert (await refused(store, model_of("other"), NOON + 1)).retry_at == NOON + 30


async def test_where_a_group_was_full_none_of_its_models_is_asked(store: StateStore) -> None:
    group = replace(MINUTE, key=f"{CREDENTIAL}&free#requests/minute")
    one, other = (Subject(CREDENTIAL, f"{CREDENTIAL}|{name}", (group,)) for name in ("one", "other"))
    grant = await take(store, one, NOON)
    block = Block(one.candidate, NOON + 30, "rate_limited", since=NOON)

    await finish(
        store, grant, Completion(health="neutral", refused=(group.key,), named=True, blocks=(block,)), NOON
    )

    assert (await refused(store, other, NOON + 1)).retry_at == NOON + 30
    await take(store, other, NOON + 30)


async def test_a_number_is_of_the_window_of_which_so_much_was_used(store: StateStore) -> None:
    for number in range(20):
        await finish(
            store, await take(store, model_of(f"m{number % 5}"), NOON + number), SUCCESS, NOON + number
        )

    await refuse(store, model_of("m0"), NOON + 21, told=20)

    assert await limit_of(store, ACCOUNT, NOON + 22) == 20
    assert await limit_of(store, model_of("m0").windows[1], NOON + 22) == 0


async def test_what_the_upstream_names_holds_at_once_and_nobody_asks_for_more(store: StateStore) -> None:
    upstream = Upstream(store, 12, MINUTE, named=True)
    upstream.told = 12

    await upstream.saturate(NOON, 30)

    assert await limit_of(store, MINUTE, NOON + 1800) == 12
    assert upstream.refused <= 3


async def test_what_a_person_set_is_never_exceeded(store: StateStore) -> None:
    upstream = Upstream(store, 90, replace(MINUTE, own=True))

    served = await upstream.saturate(NOON, 30)

    assert served <= 30 * 31


async def test_what_the_gateway_enforces_itself_is_never_exceeded(store: StateStore) -> None:
    upstream = Upstream(store, 90, replace(MINUTE, margin_s=0.0))

    assert await upstream.saturate(NOON, 30) <= 30 * 31


async def test_somebody_else_on_the_account_leaves_and_the_limit_comes_back(store: StateStore) -> None:
    upstream = Upstream(store, 10, MINUTE)  # of 30, two thirds are taken by another
    await upstream.saturate(NOON, 10)
    cut = await limit_of(store, MINUTE, NOON + 600)

    upstream.limit = 30
    await upstream.saturate(NOON + 600, 20)

    assert cut <= 12
    assert await limit_of(store, MINUTE, NOON + 1800) >= 28


async def test_a_probe_that_is_refused_takes_nothing_and_closes_nothing(store: StateStore) -> None:
    upstream = Upstream(store, 30, MINUTE)

    await upstream.saturate(NOON, 20)

    assert upstream.refused <= 5
    assert await limit_of(store, MINUTE, NOON + 1200) == 30


async def test_many_that_were_refused_together_are_one_refusal(store: StateStore) -> None:
    window = replace(MINUTE, limit=60)
    grants = [await store.acquire(make_claim(subject(window)), NOON) for _ in range(30)]
    refusal = Completion(health="neutral", refused=(MINUTE.key,), named=True)
    for grant in grants[20:]:
        assert isinstance(grant, Grant)
        await finish(store, grant, refusal, NOON + 1)

    assert await limit_of(store, window, NOON + 1) == 29


async def test_a_day_is_not_suspected_where_nobody_names_it(store: StateStore) -> None:
    day = replace(requests(1000, "day"), margin_s=0.25)
    grant = await store.acquire(make_claim(subject(day)), NOON)
    assert isinstance(grant, Grant)

    await finish(store, grant, Completion(health="neutral", refused=(day.key,)), NOON)

    assert await limit_of(store, day, NOON) == 1000


async def test_a_window_that_is_declared_anew_begins_anew(store: StateStore) -> None:
    await Upstream(store, 12, MINUTE, named=True).saturate(NOON, 1)

    assert await limit_of(store, replace(MINUTE, limit=40), NOON + 60) == 40


async def test_a_reset_forgets_what_was_learnt(store: StateStore) -> None:
    await Upstream(store, 12, MINUTE, named=True).saturate(NOON, 1)

    await store.reset(CREDENTIAL, NOON + 60)

    assert await limit_of(store, MINUTE, NOON + 60) == 30
    assert await used(store, NOON + 60, MINUTE) == (12,)


async def test_a_bucket_of_tokens_follows_what_its_refusals_say(store: StateStore) -> None:
    bucket = replace(tokens(6000, kind="bucket"), margin_s=0.25)
    claim = make_claim(subject(bucket), 1000)
    for number in range(4):
        await store.acquire(replace(claim, id=f"{number}"), NOON)
    grant = await store.acquire(claim, NOON)
    assert isinstance(grant, Grant)
    refusal = Completion(health="neutral", spent={"tokens": 0}, refused=(bucket.key,), named=True)
    await store.complete(grant, refusal, POLICY, NOON + 1)

    assert isinstance(await store.acquire(replace(claim, id="next"), NOON + 1), Refusal)


GROQ = "1:groq"
FIXED = Window(f"{GROQ}#requests/minute", "requests", "minute", 30, margin_s=0.25)


async def fixed_minutes(store: StateStore, ahead_s: float, minutes: int, named: bool) -> tuple[int, int]:
    """Asked twice a second of one whose minutes begin by a clock of its own: how many were served, and how many refused."""
    there = Counter(TrueWindow("requests", 30, 60, "fixed"))
    served = refused = 0
    for half in range(minutes * 120):
        now = NOON + half / 2
        grant = await store.acquire(make_claim(Subject(GROQ, f"{GROQ}|llama", (FIXED,))), now)
        if isinstance(grant, Refusal):
            continue
        if there.admits(1, now + ahead_s):
            there.charge(1, now + ahead_s)
            served += 1
            await finish(store, grant, SUCCESS, now)
            continue
        refused += 1
        until = NOON + (half // 120 + 1) * 60 if named else now + 2
        block = Block(f"{GROQ}|llama", until, "rate_limited", since=now)
        refusal = Completion(health="neutral", blocks=(block,), refused=(FIXED.key,), named=named)
        await finish(store, grant, refusal, now)
    return served, refused


@pytest.mark.parametrize("ahead_s", [-2.0, -1.5, 1.5, 2.0])
async def test_a_minute_begins_by_the_clock_of_whoever_counts_it(store: StateStore, ahead_s: float) -> None:
    await store.set_clock("*:groq", Skew(ahead_s, 0.25), NOON)

    served, refused = await fixed_minutes(store, ahead_s, 20, named=True)

    assert served >= 0.97 * 600
    assert refused <= 3


@pytest.mark.parametrize("named", [True, False])
async def test_without_a_clock_a_minute_that_has_just_begun_is_not_lost(
    store: StateStore, named: bool
) -> None:
    served, _ = await fixed_minutes(store, -1.5, 20, named=named)

    assert served >= 0.95 * 600
    assert await limit_of(store, FIXED, NOON + 1200) in (30, 31)


@pytest.mark.parametrize("killed", [True, False])
async def test_what_was_learnt_outlives_the_process(tmp_path: Path, killed: bool) -> None:
    first = MemoryStore(Journal(tmp_path / "blocks"))
    await first.restore(reading([]), NOON)
    await Upstream(first, 12, MINUTE, named=True).saturate(NOON, 1)
    if not killed:
        await first.aclose()

    again = MemoryStore(Journal(tmp_path / "blocks"))
    await again.restore(reading([]), NOON + 120)

    assert await limit_of(again, MINUTE, NOON + 120) == 30  # nothing was asked of it yet
    upstream = Upstream(again, 12, MINUTE)
    assert await upstream.saturate(NOON + 120, 0.9) == 12
    assert upstream.refused <= 1  # which asked for more
