import pytest

from apps.core.state.contract import Block, Completion, Reason, Refusal, StateStore, Subject
from tests.core.state.builders import (
    CANDIDATE,
    CREDENTIAL,
    NOON,
    attempt,
    finish,
    refused,
    requests,
    standing,
    subject,
    take,
    used,
)

SIBLING = subject(candidate=f"{CREDENTIAL}|gemma")


async def block(store: StateStore, *blocks: Block, now: float = NOON, via: Subject | None = None) -> None:
    """Leave `blocks` behind with an attempt that otherwise tells nothing."""
    grant = await take(store, via or subject(), now)
    await finish(store, grant, Completion(health="neutral", blocks=blocks), now)


@pytest.mark.parametrize("reason", ["quota", "rate_limited", "quarantine"])
async def test_blocked_credential_refuses_all_its_candidates_with_the_reason(
    store: StateStore, reason: Reason
) -> None:
    await block(store, Block(CREDENTIAL, NOON + 90, reason))

    seen = await store.view([subject(), SIBLING], NOON + 1)

    assert [(one.blocked_until, one.reason) for one in seen] == [(NOON + 90, reason)] * 2
    assert await refused(store, SIBLING, NOON + 1) == Refusal(reason, NOON + 90)


async def test_blocked_candidate_leaves_its_siblings_open(store: StateStore) -> None:
    await block(store, Block(CANDIDATE, NOON + 90, "rate_limited"))

    assert (await refused(store, subject(), NOON + 1)).reason == "rate_limited"
    await take(store, SIBLING, NOON + 1)


async def test_block_ends_at_its_time(store: StateStore) -> None:
    await block(store, Block(CREDENTIAL, NOON + 90, "rate_limited"))

    await refused(store, subject(), NOON + 89.999)

    assert (await standing(store, subject(), NOON + 90)).blocked_until == 0.0
    await take(store, subject(), NOON + 90)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_shorter_block_never_shortens_a_longer_one(store: StateStore, order: tuple[int, int]) -> None:
    blocks = (Block(CREDENTIAL, NOON + 86_400, "quarantine"), Block(CREDENTIAL, NOON + 60, "rate_limited"))

    await block(store, *(blocks[index] for index in order))

    assert await refused(store, subject(), NOON + 1) == Refusal("quarantine", NOON + 86_400)


async def test_the_longer_of_credential_and_candidate_block_names_the_reason(store: StateStore) -> None:
    await block(
        store, Block(CREDENTIAL, NOON + 60, "rate_limited"), Block(CANDIDATE, NOON + 90, "quarantine")
    )

    mine = await refused(store, subject(), NOON + 1)
    sibling = await refused(store, SIBLING, NOON + 1)

    assert mine == Refusal("quarantine", NOON + 90)
    assert sibling == Refusal("rate_limited", NOON + 60)


async def test_retry_at_waits_for_the_last_of_block_breaker_and_window(store: StateStore) -> None:
    wanted = subject(requests(4, "hour"))
    await block(store, Block(CREDENTIAL, NOON + 20, "rate_limited"), via=wanted)
    for _ in range(3):
        await attempt(store, "failure", NOON + 20, wanted)

    all_three = await refused(store, wanted, NOON + 21)
    without_window = await refused(store, subject(), NOON + 21)

    assert all_three == Refusal("quota", NOON + 3600, requests(4, "hour").key)
    assert without_window == Refusal("breaker", NOON + 50)


async def test_block_outlasts_an_open_breaker(store: StateStore) -> None:
    grant = await take(store, subject(), NOON)
    for _ in range(3):
        await attempt(store, "failure", NOON)
    quarantine = Block(CREDENTIAL, NOON + 900, "quarantine")

    await finish(store, grant, Completion(health="neutral", blocks=(quarantine,)), NOON + 1)

    assert await refused(store, subject(), NOON + 2) == Refusal("quarantine", NOON + 900)


async def test_blocked_subject_takes_nothing(store: StateStore) -> None:
    await block(store, Block(CREDENTIAL, NOON + 60, "quarantine"))

    await refused(store, subject(requests(10)), NOON + 1)

    assert await used(store, NOON + 1, requests(10)) == (0,)
    assert await store.open_grants() == 0


async def test_reset_lifts_blocks_of_the_credential_and_its_candidates_only(store: StateStore) -> None:
    other = Subject("groq-10", "groq-10|llama")  # begins like "groq-1"
    quarantine = [Block(scope, NOON + 900, "quarantine") for scope in (CREDENTIAL, CANDIDATE, "groq-10")]
    await take(store, subject(requests(10)), NOON)
    await block(store, *quarantine)

    await store.reset(CREDENTIAL, NOON + 1)

    await take(store, subject(requests(10)), NOON + 1)
    assert (await refused(store, other, NOON + 1)).reason == "quarantine"
    assert await used(store, NOON + 1, requests(10)) == (2,)
