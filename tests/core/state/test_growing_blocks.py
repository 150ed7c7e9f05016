import pytest

from apps.core.state.contract import Block, Completion, StateStore
from tests.core.state.builders import CANDIDATE, NOON, attempt, finish, standing, subject, take

HOUR, DAY = 3600.0, 86_400.0


async def close(store: StateStore, now: float) -> float:
    """Close CANDIDATE for an hour, or longer; returns for how long in hours."""
    grant = await take(store, subject(), now)
    block = Block(CANDIDATE, now + HOUR, "model_gone", since=now, max_s=DAY)
    await finish(store, grant, Completion(health="neutral", blocks=(block,)), now)
    return ((await standing(store, subject(), now)).blocked_until - now) / HOUR


async def test_each_lasts_twice_as_long_as_the_one_before_up_to_its_most(store: StateStore) -> None:
    now, lengths = NOON, []
    for _ in range(7):
        lengths.append(await close(store, now))
        now += lengths[-1] * HOUR

    assert lengths == [1, 2, 4, 8, 16, 24, 24]


async def test_others_that_were_under_way_do_not_make_it_longer(store: StateStore) -> None:
    grants = [await take(store, subject(), NOON) for _ in range(5)]
    for second, grant in enumerate(grants):
        block = Block(CANDIDATE, NOON + second + HOUR, "model_gone", since=NOON + second, max_s=DAY)
        await finish(store, grant, Completion(health="neutral", blocks=(block,)), NOON + second)

    assert (await standing(store, subject(), NOON + 5)).blocked_until == NOON + HOUR


async def test_success_begins_anew(store: StateStore) -> None:
    await close(store, NOON)
    await attempt(store, "success", NOON + HOUR)

    assert await close(store, NOON + HOUR) == 1


@pytest.mark.parametrize(("quiet", "length"), [(DAY - 1, 2), (DAY, 1)])
async def test_a_quiet_day_begins_anew(store: StateStore, quiet: float, length: float) -> None:
    await close(store, NOON)

    assert await close(store, NOON + HOUR + quiet) == length


async def test_reset_begins_anew(store: StateStore) -> None:
    await close(store, NOON)
    await store.reset("groq-1", NOON + 1)

    assert await close(store, NOON + 2) == 1


async def test_reset_of_what_began_before_leaves_the_rest(store: StateStore) -> None:
    await close(store, NOON)

    await store.reset("groq-1", NOON + 2, before=NOON)
    kept = await standing(store, subject(), NOON + 2)
    await store.reset("groq-1", NOON + 2, before=NOON + 1)

    assert kept.reason == "model_gone"
    assert (await standing(store, subject(), NOON + 2)).reason is None


async def test_after_a_brief_one_nobody_waits_for_the_first_to_come_back(store: StateStore) -> None:
    """It takes longer to answer than the block lasted."""
    grant = await take(store, subject(), NOON)
    block = Block(CANDIDATE, NOON + 1, "rate_limited", since=NOON, max_s=HOUR)
    await finish(store, grant, Completion(health="neutral", blocks=(block,)), NOON)

    await take(store, subject(), NOON + 1)
    await take(store, subject(), NOON + 1.1)
