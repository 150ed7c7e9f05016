"""Refusals that what was granted not long before contradicts: alone they prove nothing, and what they cut comes back."""

import random

import pytest
from msgspec.structs import replace

from apps.core.state import apart
from apps.core.state.contract import Completion, Kind, Refusal, StateStore, Subject, Window
from apps.core.state.counters.spacing import SpacingCounter
from apps.core.state.lessons import Lessons
from apps.core.state.memory import MemoryStore
from apps.core.state.suspects import Suspect
from tests.core.state.builders import CANDIDATE, CREDENTIAL, NOON, SUCCESS, finish, subject, take, tokens
from tests.core.state.test_lessons import limit_of
from tests.core.state.test_suspicions import model
from tests.factories import make_claim

RUNNING: tuple[Kind, ...] = ("fixed", "rolling")
GRANTED = 40


def minute(kind: Kind, limit: int = 0) -> Window:
    """Of the model: where nothing is declared it is the one that is taught."""
    return Window(f"{CANDIDATE}#requests/minute", "requests", "minute", limit, kind, margin_s=0.25)


async def serve(store: StateStore, window: Window, count: int, begin: float, every_s: float = 1.0) -> int:
    """So many, where they are let through; returns how many were."""
    served = 0
    for number in range(count):
        now = begin + number * every_s
        grant = await store.acquire(make_claim(subject(window)), now)
        if not isinstance(grant, Refusal):
            await finish(store, grant, SUCCESS, now)
            served += 1
    return served


async def refuse(store: StateStore, window: Window, now: float, told: int = 0) -> None:
    grant = await take(store, subject(window), now)
    await finish(
        store, grant, Completion(health="neutral", refused=(window.key,), named=True, told=told), now
    )


async def a_minute_and_five(store: StateStore, window: Window) -> float:
    """As many as GRANTED in a minute, and five in another one. Returns when."""
    await serve(store, window, GRANTED, NOON)
    await serve(store, window, 5, NOON + 121)
    return NOON + 126


@pytest.mark.parametrize("limit", [0, 60])
@pytest.mark.parametrize("runs", RUNNING)
async def test_one_refusal_at_far_less_than_was_granted_cuts_nothing(
    store: StateStore, runs: Kind, limit: int
) -> None:
    window = minute(runs, limit)
    now = await a_minute_and_five(store, window)

    await refuse(store, window, now)

    assert await limit_of(store, window, now) == limit
    assert await serve(store, window, 20, now + 1) == 20


@pytest.mark.parametrize("limit", [0, 60])
@pytest.mark.parametrize("runs", RUNNING)
async def test_a_second_one_at_about_the_same_does(store: StateStore, runs: Kind, limit: int) -> None:
    window = minute(runs, limit)
    now = await a_minute_and_five(store, window)

    await refuse(store, window, now)
    await refuse(store, window, now + 10)

    assert await limit_of(store, window, now + 10) == 5


@pytest.mark.parametrize("runs", RUNNING)
async def test_a_third_in_a_row_does_wherever_it_came(store: StateStore, runs: Kind) -> None:
    window = minute(runs)
    now = await a_minute_and_five(store, window)

    await refuse(store, window, now)
    await serve(store, window, 7, now + 1)
    await refuse(store, window, now + 10)
    after_two = await limit_of(store, window, now + 10)
    await serve(store, window, 9, now + 11)
    await refuse(store, window, now + 21)

    assert after_two == 0
    assert await limit_of(store, window, now + 21) == 21


@pytest.mark.parametrize("runs", RUNNING)
async def test_where_nothing_contradicts_one_that_names_the_window_cuts(
    store: StateStore, runs: Kind
) -> None:
    window = minute(runs)
    await serve(store, window, 5, NOON + 121)

    await refuse(store, window, NOON + 126)

    assert await limit_of(store, window, NOON + 126) == 5


@pytest.mark.parametrize("runs", RUNNING)
async def test_what_was_granted_long_ago_contradicts_nothing(store: StateStore, runs: Kind) -> None:
    window = minute(runs)
    await serve(store, window, GRANTED, NOON)
    await serve(store, window, 5, NOON + 601)

    await refuse(store, window, NOON + 606)

    assert await limit_of(store, window, NOON + 606) == 5


@pytest.mark.parametrize("runs", RUNNING)
async def test_a_number_far_below_what_was_granted_is_not_believed_at_once(
    store: StateStore, runs: Kind
) -> None:
    window = minute(runs)
    now = await a_minute_and_five(store, window)

    await refuse(store, window, now, told=3)
    await refuse(store, window, now + 20, told=3)

    assert await limit_of(store, window, now + 20) == 0
    assert await serve(store, window, 20, now + 21) == 20


@pytest.mark.parametrize("runs", RUNNING)
async def test_it_is_once_it_is_said_again_when_so_much_was_used(store: StateStore, runs: Kind) -> None:
    window = minute(runs)
    await serve(store, window, GRANTED, NOON)
    await serve(store, window, 3, NOON + 121)

    await refuse(store, window, NOON + 125, told=3)
    after_one = await limit_of(store, window, NOON + 125)
    await refuse(store, window, NOON + 145, told=3)

    assert after_one == 0
    assert await limit_of(store, window, NOON + 145) == 3


@pytest.mark.parametrize("runs", RUNNING)
async def test_a_cut_below_what_was_granted_comes_back_within_two_minutes(
    store: StateStore, runs: Kind
) -> None:
    window = minute(runs)
    now = await a_minute_and_five(store, window)
    await refuse(store, window, now)
    await refuse(store, window, now + 10)

    await serve(store, window, 480, now + 11, every_s=0.25)

    assert await limit_of(store, window, now + 131) >= 0.8 * GRANTED


@pytest.mark.parametrize("runs", RUNNING)
async def test_what_was_granted_is_not_asked_for_for_ever(store: StateStore, runs: Kind) -> None:
    """Every request beyond the cut is refused for an hour: three soon, then one in eight minutes."""
    window = minute(runs)
    now = await a_minute_and_five(store, window)
    await refuse(store, window, now)
    await refuse(store, window, now + 10)

    asked = 0
    for second in range(3600):
        at = now + 11 + second
        grant = await store.acquire(make_claim(subject(window)), at)
        if isinstance(grant, Refusal):
            continue
        reading = (await store.read([window], at))[0]
        is_beyond = reading.counted > await limit_of(store, window, at)
        asked += is_beyond
        refusal = Completion(health="neutral", refused=(window.key,), named=True)
        await finish(store, grant, refusal if is_beyond else SUCCESS, at)

    assert 8 <= asked <= 11
    assert await limit_of(store, window, now + 3611) == 5


async def test_what_was_granted_of_tokens_counts_as_well(store: StateStore) -> None:
    window = replace(tokens(0, kind="rolling"), margin_s=0.25)
    for number in range(10):
        grant = await take(store, subject(window), NOON + number, claim=500)
        await finish(store, grant, Completion(health="success", spent={"tokens": 500}), NOON + number)
    now = NOON + 121
    grant = await take(store, subject(window), now, claim=500)
    await finish(store, grant, Completion(health="success", spent={"tokens": 500}), now)
    grant = await take(store, subject(window), now + 5, claim=500)

    await finish(store, grant, Completion(health="neutral", refused=(window.key,), named=True), now + 5)

    assert (await store.read([window], now + 5))[0].granted == 5000
    assert await limit_of(store, window, now + 5) == 0


@pytest.mark.parametrize(("named", "told"), [(True, 0), (True, 3), (False, 0)])
@pytest.mark.parametrize("runs", RUNNING)
async def test_an_upstream_with_plenty_that_refuses_now_and_then_is_used(
    runs: Kind, named: bool, told: int
) -> None:
    """Four requests a second for half an hour; from the second minute on one in 1,200 is refused for nothing."""
    store, window, chance = MemoryStore(), minute(runs), random.Random(7)
    wanted = Subject(CREDENTIAL, CANDIDATE, (window,))
    held = refusals = 0
    for quarter in range(30 * 240):
        now = NOON + quarter / 4
        grant = await store.acquire(make_claim(wanted), now)
        if isinstance(grant, Refusal):
            held += 1
        elif quarter > 90 * 4 and chance.random() < 1 / 1200:
            refusals += 1
            completion = Completion(health="neutral", refused=(window.key,), named=named, told=told)
            await finish(store, grant, completion, now)
        else:
            await finish(store, grant, SUCCESS, now)

    assert refusals >= 4
    assert held <= 0.02 * 30 * 240


@pytest.mark.parametrize(("apart_s", "learnt"), [(2.0, 1), (0.1, 0)])
async def test_where_many_were_granted_in_a_second_none_is_put_down_to_it(
    store: StateStore, apart_s: float, learnt: int
) -> None:
    """Six models of an account answer, one after the other; then four are refused a moment after another one went out."""
    each = [model(f"m{number}") for number in range(6)]
    for number, one in enumerate(each):
        await finish(store, await take(store, one, NOON + number * apart_s), SUCCESS, NOON + number * apart_s)
    now = NOON + 20
    await finish(store, await take(store, each[0], now - 0.3), SUCCESS, now - 0.1)

    for one in each[1:5]:
        keys = tuple(window.key for window in one.windows)
        refusal = Completion(health="neutral", spent={"requests": 0}, refused=keys)
        await finish(store, await take(store, one, now), refusal, now)

    assert await limit_of(store, model("m0").windows[1], now) == learnt


@pytest.mark.parametrize(("at_once", "learnt"), [(0, 4), (8, 0)])
def test_a_guess_that_what_was_granted_contradicts_is_dropped_and_not_halved(
    at_once: int, learnt: int
) -> None:
    """Refused again and again, with a second that was guessed to admit eight."""
    second = model("m").windows[1]
    lessons, counter = Lessons(), SpacingCounter(0.25)
    lesson = lessons.begun(second, counter, NOON)
    assert lesson is not None
    lessons.teach(lesson, 8, 8, False, NOON)
    for number in range(9):
        counter.charge(1, NOON + 1 + number / 100)
    counter.margin_s = 0.45

    apart.spaced(lessons, Suspect(second, counter, 1, 8, at_once), NOON + 1.08, NOON + 1.2)

    assert lesson.limit == learnt
