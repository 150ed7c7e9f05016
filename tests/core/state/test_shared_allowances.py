"""An allowance that others use too, or of which more is taken than is known yet, through the store."""

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Block, Completion, Refusal, Report, StateStore, Subject, Window
from tests.core.state.builders import CREDENTIAL, NOON, finish, refused, requests, spent, take, tokens
from tests.factories import make_claim

MARGIN_S = 0.25
LIMIT = 6000
PER_S = LIMIT / 60
BUCKET = replace(tokens(LIMIT, kind="bucket"), margin_s=MARGIN_S)
ONE = Subject(CREDENTIAL, f"{CREDENTIAL}|t", (BUCKET,))


def told(window: Window, wait_s: float, now: float) -> Completion:
    """A refusal that names the window, its limit and when to come again."""
    block = Block(ONE.candidate, now + wait_s, "rate_limited", since=now)
    return Completion(health="neutral", refused=(window.key,), named=True, told=window.limit, blocks=(block,))


async def free_in(store: StateStore, amount: int, now: float) -> float:
    """How long until so much fits."""
    answer = await store.acquire(make_claim(ONE, amount), now)
    if isinstance(answer, Refusal):
        return answer.retry_at - now
    await finish(store, answer, Completion(health="neutral", spent=spent(0, 0)), now)
    return 0.0


async def test_what_an_answer_came_to_is_not_added_to_a_report_that_knew_of_it(store: StateStore) -> None:
    grant = await take(store, ONE, NOON, 1000)
    await store.tighten([Report(BUCKET, LIMIT - 4000, None)], NOON + 1)
    await finish(store, grant, Completion(health="success", spent=spent(4000)), NOON + 1)

    assert await free_in(store, 2000, NOON + 1.1) == 0.0


async def test_what_an_answer_came_to_beyond_a_report_is_added(store: StateStore) -> None:
    grant = await take(store, ONE, NOON, 1000)
    await store.tighten([Report(BUCKET, LIMIT - 4000, None)], NOON + 1)
    await finish(store, grant, Completion(health="success", spent=spent(5000)), NOON + 1)

    assert await free_in(store, 2000, NOON + 1) == pytest.approx(10, abs=1)


async def test_a_wait_that_is_told_is_of_one_size(store: StateStore) -> None:
    """Where little is asked for, there may be room before."""
    grant = await take(store, ONE, NOON, 2000)
    await finish(store, grant, told(BUCKET, 15, NOON), NOON)

    assert await free_in(store, 400, NOON + 0.1) == 0.0
    assert await free_in(store, 2000, NOON + 0.1) == pytest.approx(15, abs=1)


async def test_a_wait_of_a_limit_that_nobody_named_closes_for_every_size(store: StateStore) -> None:
    grant = await take(store, ONE, NOON, 2000)
    await finish(store, grant, replace(told(BUCKET, 15, NOON), named=False, told=0), NOON)

    assert await free_in(store, 400, NOON + 0.1) == pytest.approx(15, abs=1)


async def test_from_what_others_take_again_and_again_a_distance_is_kept(store: StateStore) -> None:
    now = NOON
    for _ in range(2):
        grant = await take(store, ONE, now, 1000)
        await finish(store, grant, told(BUCKET, 3, now), now)
        now += 3.4

    assert await free_in(store, 1000, now) == pytest.approx(3, abs=1)  # what it was wrong by the second time


async def test_no_distance_is_kept_from_what_own_answers_came_to(store: StateStore) -> None:
    long = await take(store, ONE, NOON, 500)
    now = NOON + 0.1
    for _ in range(2):
        grant = await take(store, ONE, now, 1000)
        await finish(store, grant, told(BUCKET, 3, now), now)
        now += 3.4
    await finish(store, long, Completion(health="success", spent=spent(4500)), now)

    assert await free_in(store, 1000, now) <= 0.5


async def test_a_limit_that_others_use_up_is_cut_when_it_is_refused_again_near_its_end(
    store: StateStore,
) -> None:
    minute = replace(requests(15, kind="rolling"), margin_s=MARGIN_S)
    one = Subject(CREDENTIAL, f"{CREDENTIAL}|m", (minute,))
    refusals = 0
    for round_number in range(5):
        now = NOON + 61 * round_number
        for number in range(15):
            answer = await store.acquire(make_claim(one), now + number / 10)
            if isinstance(answer, Refusal):
                continue
            if number < 14:  # somebody else has the last one
                await finish(store, answer, Completion(health="success"), now + number / 10)
            else:
                refusals += 1
                await finish(store, answer, told(minute, 59, now), now + number / 10)

    assert refusals <= 3
    await refused(store, one, now + 2)
