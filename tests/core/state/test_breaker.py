import pytest

from apps.core.state.contract import BreakerPolicy, Health, Refusal, StateStore, Subject
from tests.core.state.builders import (
    CREDENTIAL,
    FAILURE,
    NEUTRAL,
    NOON,
    POLICY,
    SUCCESS,
    attempt,
    finish,
    refused,
    requests,
    standing,
    subject,
    take,
)

OPEN_FOR = POLICY.base_s


async def open_breaker(store: StateStore, now: float) -> None:
    """Bring the breaker of CREDENTIAL to open at level 0, until `now` + OPEN_FOR."""
    opened = [await attempt(store, "failure", now) for _ in range(POLICY.threshold)]
    assert opened == [False] * (POLICY.threshold - 1) + [True]


async def test_opens_at_the_threshold_for_the_base_time(store: StateStore) -> None:
    await open_breaker(store, NOON)

    seen = await standing(store, subject(), NOON + 1)

    assert (seen.blocked_until, seen.reason) == (NOON + OPEN_FOR, "breaker")
    assert await refused(store, subject(), NOON + 1) == Refusal("breaker", NOON + OPEN_FOR)


async def test_stops_every_candidate_of_the_credential_and_no_other(store: StateStore) -> None:
    await open_breaker(store, NOON)

    sibling = await standing(store, subject(candidate=f"{CREDENTIAL}|gemma"), NOON + 1)
    stranger = await attempt(store, "success", NOON + 1, Subject("groq-2", "groq-2|llama"))

    assert sibling.reason == "breaker"
    assert stranger is False


async def test_failures_spread_over_more_than_the_window_do_not_open(store: StateStore) -> None:
    step = POLICY.window_s / 2

    opened = [await attempt(store, "failure", NOON + n * step) for n in range(10)]

    assert not any(opened)


async def test_failures_just_within_the_window_open(store: StateStore) -> None:
    step = POLICY.window_s / 2 - 1

    opened = [await attempt(store, "failure", NOON + n * step) for n in range(3)]

    assert opened == [False, False, True]


async def test_success_while_closed_clears_the_failures(store: StateStore) -> None:
    endings: list[Health] = ["failure", "failure", "success", "failure", "failure"]

    opened = [await attempt(store, health, NOON) for health in endings]

    assert not any(opened)
    assert await attempt(store, "failure", NOON) is True


async def test_neutral_endings_neither_count_nor_clear(store: StateStore) -> None:
    endings: list[Health] = ["failure", "neutral", "failure", "neutral", "neutral"]

    opened = [await attempt(store, health, NOON) for health in endings]

    assert not any(opened)
    assert await attempt(store, "failure", NOON) is True


async def test_half_open_lets_exactly_one_trial_pass(store: StateStore) -> None:
    await open_breaker(store, NOON)
    half_open = NOON + OPEN_FOR

    before = await standing(store, subject(), half_open)
    trial = await take(store, subject(), half_open)
    second = await refused(store, subject(candidate=f"{CREDENTIAL}|gemma"), half_open)
    during = await standing(store, subject(), half_open)

    assert (before.blocked_until, before.reason) == (0.0, None)
    assert trial.trial is True
    assert second.reason == during.reason == "half_open"
    assert half_open < second.retry_at == during.blocked_until <= half_open + 120


async def test_stays_shut_until_the_very_moment(store: StateStore) -> None:
    await open_breaker(store, NOON)

    early = await refused(store, subject(), NOON + OPEN_FOR - 0.001)

    assert early.reason == "breaker"


async def test_trial_success_closes_and_resets_the_level(store: StateStore) -> None:
    await open_breaker(store, NOON)
    assert await attempt(store, "failure", NOON + OPEN_FOR) is True
    trial_at = NOON + OPEN_FOR + 2 * OPEN_FOR

    await attempt(store, "success", trial_at)

    closed = [await take(store, subject(), trial_at) for _ in range(5)]
    assert not any(grant.trial for grant in closed)
    await open_breaker(store, trial_at + 1)
    assert (await standing(store, subject(), trial_at + 1)).blocked_until == trial_at + 1 + OPEN_FOR


async def test_each_failed_trial_doubles_the_time_up_to_the_maximum(store: StateStore) -> None:
    await open_breaker(store, NOON)
    now = NOON + OPEN_FOR
    waits = []

    for _ in range(10):
        assert await attempt(store, "failure", now) is True
        until = (await standing(store, subject(), now)).blocked_until
        waits.append(until - now)
        now = until

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]


async def test_level_beyond_all_floats_still_waits_the_maximum(store: StateStore) -> None:
    policy = BreakerPolicy(threshold=1, base_s=1.0, max_s=2.0)
    now = NOON

    for _ in range(1100):
        assert await finish(store, await take(store, subject(), now), FAILURE, now, policy) is True
        now += 2.0

    assert (await standing(store, subject(), now - 1.0)).blocked_until == now


async def test_neutral_trial_leaves_the_next_trial_free(store: StateStore) -> None:
    await open_breaker(store, NOON)
    trial = await take(store, subject(), NOON + OPEN_FOR)

    await finish(store, trial, NEUTRAL, NOON + OPEN_FOR + 1)

    assert (await take(store, subject(), NOON + OPEN_FOR + 1)).trial is True
    assert (await refused(store, subject(), NOON + OPEN_FOR + 1)).reason == "half_open"


async def test_neutral_ending_of_an_earlier_request_does_not_free_the_trial(store: StateStore) -> None:
    early = await take(store, subject(), NOON)
    await open_breaker(store, NOON)
    await take(store, subject(), NOON + OPEN_FOR)

    await finish(store, early, NEUTRAL, NOON + OPEN_FOR + 1)

    assert (await refused(store, subject(), NOON + OPEN_FOR + 1)).reason == "half_open"


async def test_trial_that_never_ends_is_given_up_after_two_minutes(store: StateStore) -> None:
    await open_breaker(store, NOON)
    lost_at = NOON + OPEN_FOR
    await take(store, subject(), lost_at)

    still = await refused(store, subject(), lost_at + 119.9)
    next_trial = await take(store, subject(), lost_at + 120)

    assert (still.reason, still.retry_at) == ("half_open", lost_at + 120)
    assert next_trial.trial is True


async def test_given_up_trial_cannot_end_its_successor(store: StateStore) -> None:
    await open_breaker(store, NOON)
    lost = await take(store, subject(), NOON + OPEN_FOR)
    later = NOON + OPEN_FOR + 120
    await take(store, subject(), later)

    assert await finish(store, lost, FAILURE, later + 1) is False

    assert (await refused(store, subject(), later + 1)).reason == "half_open"


async def test_trial_refused_by_a_full_window_is_not_used_up(store: StateStore) -> None:
    full = subject(requests(1, "day"))
    await take(store, full, NOON)
    await open_breaker(store, NOON)

    refusal = await refused(store, full, NOON + OPEN_FOR)

    assert refusal.reason == "quota"
    assert (await take(store, subject(), NOON + OPEN_FOR)).trial is True


@pytest.mark.parametrize("after", [1.0, OPEN_FOR + 1.0])
async def test_late_failures_of_earlier_requests_do_not_raise_the_level(
    store: StateStore, after: float
) -> None:
    late = [await take(store, subject(), NOON) for _ in range(5)]
    await open_breaker(store, NOON)

    opened = [await finish(store, grant, FAILURE, NOON + after) for grant in late]

    assert not any(opened)
    assert (await take(store, subject(), NOON + OPEN_FOR + 1)).trial is True


@pytest.mark.parametrize("after", [1.0, OPEN_FOR + 1.0])
async def test_late_success_of_an_earlier_request_leaves_it_open(store: StateStore, after: float) -> None:
    late = await take(store, subject(), NOON)
    await open_breaker(store, NOON)

    await finish(store, late, SUCCESS, NOON + after)

    assert (await refused(store, subject(), NOON + 1)).reason == "breaker"
    assert (await take(store, subject(), NOON + OPEN_FOR + 1)).trial is True


async def test_late_success_does_not_end_the_trial_of_another(store: StateStore) -> None:
    late = await take(store, subject(), NOON)
    await open_breaker(store, NOON)
    trial = await take(store, subject(), NOON + OPEN_FOR)

    await finish(store, late, SUCCESS, NOON + OPEN_FOR + 1)

    assert (await refused(store, subject(), NOON + OPEN_FOR + 1)).reason == "half_open"
    assert await finish(store, trial, FAILURE, NOON + OPEN_FOR + 2) is True


async def test_success_of_a_trial_that_was_given_up_ends_nothing(store: StateStore) -> None:
    await open_breaker(store, NOON)
    lost = await take(store, subject(), NOON + OPEN_FOR)
    later = NOON + OPEN_FOR + 120
    await take(store, subject(), later)

    await finish(store, lost, SUCCESS, later + 1)

    assert (await refused(store, subject(), later + 1)).reason == "half_open"


async def test_reset_closes_and_forgets_level_and_failures(store: StateStore) -> None:
    await open_breaker(store, NOON)
    trial = await take(store, subject(), NOON + OPEN_FOR)

    await store.reset(CREDENTIAL, NOON + OPEN_FOR + 1)
    opened = await finish(store, trial, FAILURE, NOON + OPEN_FOR + 2)

    assert opened is False  # one failure of a closed breaker
    assert (await standing(store, subject(), NOON + OPEN_FOR + 2)).reason is None
