import asyncio

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Claim, Completion, Grant, Kind, Refusal, StateStore, Window
from apps.core.state.keys import Span
from tests.core.state.builders import (
    CREDENTIAL,
    KINDS,
    NEUTRAL,
    NOON,
    SUCCESS,
    finish,
    refused,
    requests,
    spent,
    standing,
    subject,
    take,
    tokens,
    used,
)
from tests.factories import make_claim


async def test_grant_says_what_was_taken_and_when(store: StateStore) -> None:
    claim = make_claim(subject(requests(5), tokens(100)), 40)

    grant = await store.acquire(claim, NOON)

    assert grant == Grant(claim, at=NOON, trial=False)


async def test_counts_whatever_a_claim_names(store: StateStore) -> None:
    seconds = Window.of(CREDENTIAL, Span("audio_seconds", "5hour"), 100, kind="rolling")
    wanted = subject(requests(10), seconds)
    grant = await store.acquire(Claim("a", wanted, {"requests": 1, "audio_seconds": 70}), NOON)
    assert isinstance(grant, Grant)

    full = await store.acquire(Claim("b", wanted, {"requests": 1, "audio_seconds": 31}), NOON)
    await finish(store, grant, Completion(health="success", spent={"audio_seconds": 60}), NOON + 1)

    assert isinstance(full, Refusal)
    assert full.window == seconds.key
    assert await used(store, NOON + 1, *wanted.windows) == (1, 60)


async def test_leaves_windows_alone_of_what_a_claim_does_not_name(store: StateStore) -> None:
    wanted = subject(requests(10), tokens(50))
    await take(store, wanted, NOON, claim=50)

    grant = await store.acquire(Claim("a", wanted, {"requests": 1}), NOON)

    assert isinstance(grant, Grant)
    assert await used(store, NOON, *wanted.windows) == (2, 50)


async def test_counts_what_was_spent_though_nobody_claimed_it(store: StateStore) -> None:
    wanted = subject(requests(10), tokens(50), tokens(50, "hour", kind="rolling"))
    grant = await store.acquire(Claim("a", wanted, {"requests": 1}), NOON)
    assert isinstance(grant, Grant)

    await finish(store, grant, Completion(health="success", spent=spent(60)), NOON + 1)

    assert await used(store, NOON + 1, *wanted.windows) == (1, 60, 60)


async def test_completing_what_was_never_granted_changes_nothing(store: StateStore) -> None:
    claim = make_claim(subject(requests(1), tokens(100)), 40)
    await take(store, claim.subject, NOON, claim=10)
    assert isinstance(await store.acquire(claim, NOON), Refusal)

    await finish(store, Grant(claim, NOON), Completion(health="neutral", spent=spent(0, 0)), NOON)

    assert await used(store, NOON, *claim.subject.windows) == (1, 10)
    assert await store.open_grants() == 1


async def test_takes_from_no_window_when_one_is_full(store: StateStore) -> None:
    windows = (requests(10), tokens(50), requests(100, "day"), tokens(1000, "hour", kind="rolling"))
    await take(store, subject(*windows), NOON, claim=40)
    before = await standing(store, subject(*windows), NOON)

    refusal = await refused(store, subject(*windows), NOON, claim=20)

    assert refusal.window == tokens(50).key
    assert await standing(store, subject(*windows), NOON) == before
    assert await store.open_grants() == 1


@pytest.mark.parametrize("reverse", [False, True])
async def test_names_the_full_window_that_frees_last(store: StateStore, reverse: bool) -> None:
    windows = (requests(1), requests(1, "day"), requests(1, "hour"))
    wanted = subject(*(reversed(windows) if reverse else windows))
    await take(store, wanted, NOON)

    refusal = await refused(store, wanted, NOON + 1)
    seen = await standing(store, wanted, NOON + 1)

    assert (refusal.window, refusal.retry_at) == (requests(1, "day").key, NOON + 43_200)
    assert seen.blocked_until == refusal.retry_at


@pytest.mark.parametrize(
    ("runs", "retry_at"), [("fixed", NOON + 60), ("rolling", NOON + 10 + 60), ("bucket", NOON + 10 + 60)]
)
async def test_claim_above_the_limit_is_refused_with_the_end_of_the_window(
    store: StateStore, runs: Kind, retry_at: float
) -> None:
    window = tokens(100, kind=runs)

    empty = await refused(store, subject(window), NOON + 10, claim=101)
    await take(store, subject(window), NOON, claim=100)
    full = await refused(store, subject(window), NOON + 10, claim=101)

    assert empty == full == Refusal("quota", retry_at, window.key)


async def test_full_window_shows_as_blocked_until_it_frees(store: StateStore) -> None:
    wanted = subject(requests(1), tokens(0))
    await take(store, wanted, NOON, claim=5)

    full = await standing(store, wanted, NOON + 1)
    free = await standing(store, wanted, NOON + 60)

    assert (full.blocked_until, full.reason) == (NOON + 60, "quota")
    assert (free.blocked_until, free.reason) == (0.0, None)


async def test_completion_corrects_tokens_both_ways(store: StateStore) -> None:
    windows = (requests(10), tokens(1000), tokens(1000, "hour", kind="rolling"))
    low = await take(store, subject(*windows), NOON, claim=100)
    high = await take(store, subject(*windows), NOON, claim=100)

    await finish(store, low, Completion(health="success", spent=spent(30)), NOON + 1)
    await finish(store, high, Completion(health="success", spent=spent(250)), NOON + 1)

    assert await used(store, NOON + 2, *windows) == (2, 280, 280)


async def test_usage_above_the_limit_is_counted_and_refuses_the_next(store: StateStore) -> None:
    window = tokens(100)
    grant = await take(store, subject(window), NOON, claim=50)

    await finish(store, grant, Completion(health="success", spent=spent(180)), NOON + 1)

    assert await used(store, NOON + 2, window) == (180,)
    assert (await refused(store, subject(window), NOON + 2)).retry_at == NOON + 60


async def test_completion_without_tokens_keeps_the_estimate(store: StateStore) -> None:
    grant = await take(store, subject(tokens(100)), NOON, claim=70)

    await finish(store, grant, SUCCESS, NOON + 1)

    assert await used(store, NOON + 2, tokens(100)) == (70,)


@pytest.mark.parametrize("runs", KINDS)
async def test_refund_gives_back_the_request_and_its_tokens(store: StateStore, runs: Kind) -> None:
    windows = (requests(1, kind=runs), tokens(50, kind=runs))
    grant = await take(store, subject(*windows), NOON, claim=50)

    await finish(store, grant, Completion(health="neutral", spent=spent(0, requests=0)), NOON + 3)

    assert await used(store, NOON + 3, *windows) == (0, 0)
    await take(store, subject(*windows), NOON + 3, claim=50)


async def test_corrects_only_windows_that_still_run(store: StateStore) -> None:
    windows = (tokens(1000), tokens(1000, "hour"))
    early = await take(store, subject(*windows), NOON + 59, claim=100)
    await take(store, subject(*windows), NOON + 61, claim=10)

    await finish(store, early, Completion(health="success", spent=spent(400)), NOON + 62)

    assert await used(store, NOON + 62, *windows) == (10, 410)


async def test_corrects_no_fixed_window_that_nobody_has_looked_at_since_it_ended(store: StateStore) -> None:
    grant = await take(store, subject(tokens(1000)), NOON + 59, claim=100)

    await finish(store, grant, Completion(health="success", spent=spent(400)), NOON + 62)

    assert await used(store, NOON + 62, tokens(1000)) == (0,)


async def test_correction_of_a_rolling_window_expires_with_its_charge(store: StateStore) -> None:
    window = tokens(1000, kind="rolling")
    grant = await take(store, subject(window), NOON, claim=100)

    await finish(store, grant, Completion(health="success", spent=spent(400)), NOON + 30)

    assert await used(store, NOON + 59.999, window) == (400,)
    assert await used(store, NOON + 60, window) == (0,)


async def test_correction_after_the_charge_has_rolled_out_is_dropped(store: StateStore) -> None:
    window = tokens(1000, kind="rolling")
    grant = await take(store, subject(window), NOON, claim=100)
    await take(store, subject(window), NOON + 50, claim=7)

    await finish(store, grant, Completion(health="success", spent=spent(400)), NOON + 61)

    assert await used(store, NOON + 61, window) == (7,)


async def test_second_completion_changes_nothing(store: StateStore) -> None:
    wanted = subject(requests(10), tokens(1000))
    grant = await take(store, wanted, NOON, claim=100)
    await finish(store, grant, Completion(health="success", spent=spent(60), latency_ms=100.0), NOON + 1)
    before = await standing(store, wanted, NOON + 2)

    again = Completion(health="failure", spent=spent(0, requests=0), latency_ms=900.0)
    opened = [await finish(store, grant, again, NOON + 2) for _ in range(5)]

    assert opened == [False] * 5
    assert await standing(store, wanted, NOON + 2) == before
    assert await store.open_grants() == 0


async def test_open_grants_are_those_not_completed(store: StateStore) -> None:
    grants = [await take(store, subject(), NOON) for _ in range(3)]

    await finish(store, grants[1], NEUTRAL, NOON + 1)

    assert await store.open_grants() == 2


async def test_in_flight_is_counted_per_candidate(store: StateStore) -> None:
    llama, gemma = subject(candidate=f"{CREDENTIAL}|llama"), subject(candidate=f"{CREDENTIAL}|gemma")
    first = await take(store, llama, NOON)
    await take(store, llama, NOON)
    await take(store, gemma, NOON)

    await finish(store, first, SUCCESS, NOON + 1)

    seen = await store.view([gemma, llama, gemma], NOON + 1)
    assert [one.in_flight for one in seen] == [1, 1, 1]
    await take(store, llama, NOON + 1)
    assert (await standing(store, llama, NOON + 1)).in_flight == 2


async def test_concurrent_claims_never_take_more_than_there_is(store: StateStore) -> None:
    wanted = subject(requests(7), tokens(1000, kind="rolling"))

    answers = await asyncio.gather(*(store.acquire(make_claim(wanted, 10), NOON) for _ in range(50)))

    assert sum(isinstance(answer, Grant) for answer in answers) == 7
    assert (await standing(store, wanted, NOON)).used == (7, 70)


async def test_what_is_known_of_a_claim_has_to_fit_and_all_of_it_is_taken(store: StateStore) -> None:
    """Upstream nobody knows either how long an answer becomes."""
    window = tokens(100)
    await take(store, subject(window), NOON, claim=80)

    grant = await store.acquire(Claim("a", subject(window), spent(60), {"tokens": 20}), NOON)

    assert isinstance(grant, Grant)
    assert await used(store, NOON, window) == (140,)
    assert isinstance(
        await store.acquire(Claim("b", subject(window), spent(60), {"tokens": 1}), NOON), Refusal
    )


async def test_a_window_that_a_person_set_is_not_overdrawn(store: StateStore) -> None:
    window = replace(tokens(100), own=True)
    await take(store, subject(window), NOON, claim=80)

    refusal = await store.acquire(Claim("a", subject(window), spent(60), {"tokens": 20}), NOON)

    assert isinstance(refusal, Refusal)


async def test_of_several_the_first_that_fits_is_taken(store: StateStore) -> None:
    full, other = requests(1), requests(5, "hour")
    await take(store, subject(full), NOON)
    wanted = [subject(full), subject(full, other, candidate="groq-1|b"), subject(other, candidate="groq-1|c")]

    answers = await store.acquire_first([make_claim(one) for one in wanted], NOON)
    nobody = await store.acquire_first([make_claim(one) for one in wanted[:2]], NOON)

    assert [type(answer) for answer in answers] == [Refusal, Refusal, Grant]
    assert [type(answer) for answer in nobody] == [Refusal, Refusal]
    assert await used(store, NOON, full, other) == (1, 1)
