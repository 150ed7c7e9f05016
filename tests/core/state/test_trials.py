"""When a growing block has ended: one request tries whether it is over, and what its end says of the others."""

from pathlib import Path

import pytest

from apps.core.state.breaker import TRIAL_POLL_S, TRIAL_TIMEOUT_S
from apps.core.state.contract import Block, Completion, Grant, Reason, Refusal, StateStore, Subject
from apps.core.state.journal import Journal
from apps.core.state.keys import candidate_key, credential_key, provider_key
from apps.core.state.memory import MemoryStore
from tests.core.state.builders import NEUTRAL, NOON, SUCCESS, finish, reading, refused, standing, take

HOUR, DAY = 3600.0, 86_400.0
ACCOUNT = credential_key(1, "groq")
PAID, FREE, THIRD = (Subject(ACCOUNT, candidate_key(ACCOUNT, name)) for name in ("paid", "free", "third"))
OTHERS = Subject(credential_key(2, "groq"), candidate_key(credential_key(2, "groq"), "paid"))
NEEDS_CREDIT = "groq wants to be paid."


def unpaid(by: Subject, now: float) -> Block:
    """The account is closed because `by` was refused."""
    return Block(ACCOUNT, now + HOUR, "payment_required", NEEDS_CREDIT, now, DAY, (by.candidate,))


async def end(store: StateStore, grant: Grant, now: float, *blocks: Block) -> None:
    await finish(store, grant, Completion(health="neutral", blocks=blocks), now)


async def refuse(store: StateStore, wanted: Subject, now: float) -> float:
    """`wanted` is asked and wants to be paid. Returns for how many hours that closes it."""
    await end(store, await take(store, wanted, now), now, unpaid(wanted, now))
    return (((await standing(store, wanted, now)).blocked_until) - now) / HOUR


async def succeed(store: StateStore, wanted: Subject, now: float) -> None:
    await finish(store, await take(store, wanted, now), SUCCESS, now)


@pytest.mark.parametrize("scope", [ACCOUNT, PAID.candidate, provider_key("groq")])
async def test_one_request_tries_and_the_others_pass_it_by(store: StateStore, scope: str) -> None:
    block = Block(scope, NOON + HOUR, "service_retired", "It has ended.", NOON, DAY)
    await end(store, await take(store, PAID, NOON), NOON, block)
    again = NOON + HOUR

    trial = await take(store, PAID, again)

    assert trial.tries == "service_retired"
    assert await refused(store, PAID, again) == Refusal(
        "half_open", again + TRIAL_POLL_S, detail="It has ended."
    )
    await finish(store, trial, SUCCESS, again + 1)
    assert [(await take(store, PAID, again + 2)).tries for _ in range(2)] == [None, None]


async def test_a_trial_without_a_verdict_leaves_it_to_the_next(store: StateStore) -> None:
    await refuse(store, PAID, NOON)

    await finish(store, await take(store, FREE, NOON + HOUR), NEUTRAL, NOON + HOUR + 1)

    assert (await take(store, FREE, NOON + HOUR + 2)).tries == "payment_required"


async def test_a_trial_that_never_ends_is_lost_after_a_while(store: StateStore) -> None:
    await refuse(store, PAID, NOON)
    await take(store, FREE, NOON + HOUR)

    await refused(store, FREE, NOON + HOUR + TRIAL_TIMEOUT_S - 1)

    await take(store, FREE, NOON + HOUR + TRIAL_TIMEOUT_S)


async def test_what_was_closed_says_why_until_it_is_proved_to_be_over(store: StateStore) -> None:
    await refuse(store, PAID, NOON)

    unproved = await standing(store, FREE, NOON + HOUR)
    await succeed(store, FREE, NOON + HOUR)

    assert (unproved.reason, unproved.detail) == (None, NEEDS_CREDIT)
    assert (await standing(store, FREE, NOON + HOUR)).detail == ""


async def test_success_of_a_request_that_left_before_proves_nothing(store: StateStore) -> None:
    early = await take(store, FREE, NOON - 1)
    await refuse(store, PAID, NOON)

    await finish(store, early, SUCCESS, NOON + 1)

    assert (await refused(store, FREE, NOON + 2)).reason == "payment_required"
    assert await refuse(store, FREE, NOON + HOUR) == 2


async def test_a_whole_provider_is_closed_for_everybody(store: StateStore) -> None:
    block = Block(provider_key("groq"), NOON + DAY, "service_retired", "It has ended.", NOON, DAY)
    await end(store, await take(store, PAID, NOON), NOON, block)

    assert (await refused(store, OTHERS, NOON + 1)).reason == "service_retired"
    await store.reset(OTHERS.credential, NOON + 2)
    await take(store, PAID, NOON + 2)


async def test_models_that_nobody_was_refused_for_try_first(store: StateStore) -> None:
    await refuse(store, PAID, NOON)

    assert (await refused(store, PAID, NOON + HOUR)).reason == "payment_required"
    assert await refuse(store, FREE, NOON + HOUR) == 2
    assert (await refused(store, FREE, NOON + 3 * HOUR)).reason == "payment_required"
    await succeed(store, THIRD, NOON + 3 * HOUR)


async def test_a_model_that_serves_opens_the_account_and_leaves_the_others_closed(store: StateStore) -> None:
    await refuse(store, PAID, NOON)
    again = NOON + HOUR

    await succeed(store, FREE, again)

    assert (await refused(store, PAID, again)).reason == "payment_required"
    await succeed(store, FREE, again)
    later = (await standing(store, PAID, again)).blocked_until
    assert await refuse(store, PAID, later) == 2
    await succeed(store, FREE, later)
    assert await refuse(store, FREE, later) == 1
    assert (await refused(store, THIRD, later)).reason == "payment_required"


async def test_an_account_with_one_model_is_tried_by_that(store: StateStore) -> None:
    now, lengths = NOON, []
    for _ in range(6):
        lengths.append(round(await refuse(store, PAID, now)))
        now = (await standing(store, PAID, now)).blocked_until
        now = (await standing(store, PAID, now)).blocked_until or now

    assert lengths == [1, 2, 4, 8, 16, 24]


@pytest.mark.parametrize("reason", ["payment_required", "model_gone", "service_retired"])
async def test_rows_outlive_a_restart(tmp_path: Path, reason: Reason) -> None:
    first = MemoryStore(Journal(tmp_path / "blocks"))
    await first.restore(reading(()), NOON)
    block = Block(ACCOUNT, NOON + HOUR, reason, "Why.", NOON, DAY)
    await end(first, await take(first, PAID, NOON), NOON, block)
    await first.aclose()

    second = MemoryStore(Journal(tmp_path / "blocks"))
    await second.restore(reading(()), NOON + 2 * HOUR)
    now = NOON + 2 * HOUR
    again = Block(ACCOUNT, now + HOUR, reason, "Why.", now, DAY)
    await end(second, await take(second, PAID, now), now, again)

    assert (await refused(second, PAID, now)).retry_at == now + 2 * HOUR


async def test_what_worked_again_is_forgotten_by_the_next_process_too(tmp_path: Path) -> None:
    first = MemoryStore(Journal(tmp_path / "blocks"))
    await first.restore(reading(()), NOON)
    await refuse(first, PAID, NOON)
    await succeed(first, FREE, NOON + HOUR)
    await first.aclose()

    second = MemoryStore(Journal(tmp_path / "blocks"))
    await second.restore(reading(()), NOON + HOUR + 1)

    assert (await take(second, FREE, NOON + HOUR + 1)).tries is None
    assert (await refused(second, PAID, NOON + HOUR + 1)).reason == "payment_required"
