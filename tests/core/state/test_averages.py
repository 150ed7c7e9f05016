import pytest

from apps.core.state.contract import Completion, Health, StateStore
from tests.core.state.builders import CREDENTIAL, NOON, attempt, finish, standing, subject, take


async def measure(store: StateStore, completion: Completion) -> None:
    await finish(store, await take(store, subject(), NOON), completion, NOON)


async def test_averages_are_none_until_measured(store: StateStore) -> None:
    seen = await standing(store, subject(), NOON)

    assert seen.latency_ema_ms is seen.last_latency_ms is seen.ttfb_ema_ms is seen.success_rate is None


async def test_latency_and_first_byte_are_averaged_apart_with_alpha_three_tenths(store: StateStore) -> None:
    await measure(store, Completion(health="success", latency_ms=100.0))
    await measure(store, Completion(health="success", latency_ms=200.0, ttfb_ms=10.0))
    await measure(store, Completion(health="success", ttfb_ms=20.0))

    seen = await standing(store, subject(), NOON)

    assert seen.latency_ema_ms == pytest.approx(130.0)
    assert seen.last_latency_ms == 200.0
    assert seen.ttfb_ema_ms == pytest.approx(13.0)


async def test_success_rate_falls_with_failures_and_ignores_neutral_endings(store: StateStore) -> None:
    endings: list[Health] = ["success", "failure", "neutral", "success"]
    rates = []

    for health in endings:
        await attempt(store, health, NOON)
        rates.append((await standing(store, subject(), NOON)).success_rate)

    assert rates == pytest.approx([1.0, 0.7, 0.7, 0.79])


async def test_first_failure_starts_the_success_rate_at_zero(store: StateStore) -> None:
    await attempt(store, "failure", NOON)

    assert (await standing(store, subject(), NOON)).success_rate == 0.0


@pytest.mark.parametrize("health", ["failure", "neutral"])
async def test_only_successes_tell_a_latency(store: StateStore, health: Health) -> None:
    await measure(store, Completion(health=health, latency_ms=9000.0, ttfb_ms=9000.0))

    seen = await standing(store, subject(), NOON)

    assert seen.latency_ema_ms is seen.last_latency_ms is seen.ttfb_ema_ms is None


async def test_candidates_are_measured_apart(store: StateStore) -> None:
    await measure(store, Completion(health="success", latency_ms=100.0))

    sibling = await standing(store, subject(candidate=f"{CREDENTIAL}|gemma"), NOON)

    assert sibling.latency_ema_ms is None


async def test_reset_keeps_averages(store: StateStore) -> None:
    await measure(store, Completion(health="success", latency_ms=100.0))

    await store.reset(CREDENTIAL, NOON)

    assert (await standing(store, subject(), NOON)).latency_ema_ms == 100.0
