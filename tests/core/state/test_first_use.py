"""Windows that start with the first use after the last one has ended."""

import pytest

from apps.core.state.contract import Completion, PastUsage, StateStore
from tests.core.state.builders import (
    NOON,
    finish,
    reading,
    refused,
    requests,
    spent,
    subject,
    take,
    tokens,
    used,
)

HOUR_S = 3600
WINDOW = requests(2, "5hour", kind="first_use")


async def test_starts_with_the_first_charge_and_lasts_its_length(store: StateStore) -> None:
    await take(store, subject(WINDOW), NOON)
    await take(store, subject(WINDOW), NOON + HOUR_S)

    assert (await refused(store, subject(WINDOW), NOON + 2 * HOUR_S)).retry_at == NOON + 5 * HOUR_S
    await take(store, subject(WINDOW), NOON + 5 * HOUR_S)
    assert await used(store, NOON + 10 * HOUR_S - 1, WINDOW) == (1,)
    assert await used(store, NOON + 10 * HOUR_S, WINDOW) == (0,)


async def test_the_next_one_waits_for_its_own_first_use(store: StateStore) -> None:
    await take(store, subject(WINDOW), NOON)

    await take(store, subject(WINDOW), NOON + 7 * HOUR_S)
    await take(store, subject(WINDOW), NOON + 8 * HOUR_S)

    assert (await refused(store, subject(WINDOW), NOON + 9 * HOUR_S)).retry_at == NOON + 12 * HOUR_S


async def test_a_charge_of_nothing_does_not_start_it(store: StateStore) -> None:
    window = tokens(100, "30day", kind="first_use")
    await take(store, subject(window), NOON, claim=0)
    await take(store, subject(window), NOON + 86_400, claim=100)

    refusal = await refused(store, subject(window), NOON + 86_400, claim=1)

    assert refusal.retry_at == NOON + 31 * 86_400


async def test_what_was_given_back_whole_has_not_started_it(store: StateStore) -> None:
    grant = await take(store, subject(WINDOW), NOON)
    await finish(store, grant, Completion(health="neutral", spent={"requests": 0}), NOON + 60)

    for _ in range(2):
        await take(store, subject(WINDOW), NOON + HOUR_S)

    assert (await refused(store, subject(WINDOW), NOON + HOUR_S)).retry_at == NOON + 6 * HOUR_S


async def test_what_turns_out_to_have_cost_something_starts_it_at_its_reservation(store: StateStore) -> None:
    window = tokens(100, "5hour", kind="first_use")
    grant = await take(store, subject(window), NOON, claim=0)

    await finish(store, grant, Completion(health="success", spent=spent(100)), NOON + 60)

    assert (await refused(store, subject(window), NOON + 61, claim=1)).retry_at == NOON + 5 * HOUR_S


async def test_a_correction_of_the_last_one_leaves_this_one_alone(store: StateStore) -> None:
    late = await take(store, subject(WINDOW), NOON)
    await take(store, subject(WINDOW), NOON + 5 * HOUR_S)

    await finish(store, late, Completion(health="neutral", spent={"requests": 0}), NOON + 5 * HOUR_S + 1)

    assert await used(store, NOON + 5 * HOUR_S + 1, WINDOW) == (1,)


@pytest.mark.parametrize("shuffled", [False, True])
async def test_is_restored_from_the_uses_in_their_order(store: StateStore, shuffled: bool) -> None:
    past = [PastUsage((WINDOW,), NOON - hours * HOUR_S, spent(0)) for hours in (11, 9, 4, 3)]

    await store.restore(reading(past[::-1] if shuffled else past), NOON)

    assert (await refused(store, subject(WINDOW), NOON)).retry_at == NOON + HOUR_S
