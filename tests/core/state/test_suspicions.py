"""Which window a refusal is put down to, through the store: a second, the model's, the account's, or one that others use too."""

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Block, Completion, Refusal, StateStore, Subject, Window
from tests.core.state.builders import CREDENTIAL, NOON, SUCCESS, finish, requests, take, tokens
from tests.factories import make_claim

MARGIN_S = 0.25
TRANSIT_S = (0.08, 0.14, 0.05, 0.11)


def window(scope: str, period: str, limit: int = 0, kind: str = "rolling") -> Window:
    return Window(f"{scope}#requests/{period}", "requests", period, limit, kind, margin_s=MARGIN_S)  # type: ignore[arg-type]


def model(name: str, *windows: Window) -> Subject:
    """With what is counted in any case: of a second and a minute, the model's and the account's."""
    scope = f"{CREDENTIAL}|{name}"
    counted = (window(CREDENTIAL, "minute"), window(CREDENTIAL, "second"), window(scope, "second"))
    known = {one.key for one in windows}
    return Subject(CREDENTIAL, scope, (*windows, *(one for one in counted if one.key not in known)))


async def limit_of(store: StateStore, wanted: Window, now: float) -> int:
    found = (await store.read([wanted], now))[0]
    return wanted.limit if found.lesson is None else found.lesson.limit_of(wanted)


async def per_second(
    store: StateStore, one: Subject, limit: int, seconds: int, *others: Subject, by_model: bool = False
) -> tuple[int, int]:
    """An upstream that admits `limit` in a second, of all these models together or `by_model`, asked by bursts of three for each five
    times a second, and how many it served and refused. It names nothing."""
    counted: dict[str, list[float]] = {}
    served = refused = 0
    models = (one, *others)
    for tick in range(seconds * 5):
        now = NOON + tick / 5
        burst = [each for each in (models if tick % 2 else models[::-1]) for _ in range(3)]
        grants = [(each, await store.acquire(make_claim(each), now)) for each in burst]
        for number, (one, grant) in enumerate(grants):
            if isinstance(grant, Refusal):
                continue
            keys = tuple(each.key for each in one.windows)
            there = now + TRANSIT_S[(tick + number) % len(TRANSIT_S)]
            arrived = counted.setdefault(one.candidate if by_model else one.credential, [])
            if sum(1 for at in arrived if at > there - 1) < limit:
                arrived.append(there)
                served += 1
                await finish(store, grant, SUCCESS, there + 0.05)
            else:
                refused += 1
                block = Block(one.candidate, there + 2, "rate_limited", since=there, max_s=3600.0)
                await finish(
                    store, grant, Completion(health="neutral", refused=keys, blocks=(block,)), there + 0.05
                )
    return served, refused


async def test_a_limit_of_a_second_that_is_too_low_is_found_out(store: StateStore) -> None:
    second = window(f"{CREDENTIAL}|fast", "second", 1)

    served, refused = await per_second(store, model("fast", second), 3, 900)

    assert await limit_of(store, second, NOON + 900) >= 2
    assert served >= 1.3 * 900
    assert refused <= 0.03 * served


async def test_a_limit_of_a_second_that_is_right_is_hardly_tried(store: StateStore) -> None:
    second = window(f"{CREDENTIAL}|slow", "second", 1)

    served, refused = await per_second(store, model("slow", second), 1, 900)

    assert await limit_of(store, second, NOON + 900) == 1
    assert served >= 0.75 * 900
    assert refused <= 0.02 * served


async def test_a_second_of_which_nothing_is_declared_is_learnt(store: StateStore) -> None:
    served, refused = await per_second(store, model("secret"), 1, 600)

    assert served >= 0.7 * 600
    assert refused <= 0.05 * served


async def test_a_second_of_the_account_of_which_nothing_is_declared_is_the_accounts(
    store: StateStore,
) -> None:
    models = [model("secret"), model("silent")]

    served, refused = await per_second(store, models[0], 1, 120, models[1])

    assert await limit_of(store, window(CREDENTIAL, "second"), NOON + 120) == 1
    assert served >= 0.7 * 120
    assert refused <= 0.15 * served


async def test_seconds_of_models_are_not_put_down_to_their_account(store: StateStore) -> None:
    models = [model("secret"), model("silent")]

    served, refused = await per_second(store, models[0], 1, 120, models[1], by_model=True)

    assert await limit_of(store, window(CREDENTIAL, "second"), NOON + 120) == 0
    assert served >= 0.7 * 240
    assert refused <= 0.1 * served


async def test_a_burst_tells_of_a_second_how_many_of_it_were_served(store: StateStore) -> None:
    one = model("secret")
    keys = tuple(each.key for each in one.windows)
    grants = [await take(store, one, NOON + number / 100) for number in range(6)]

    await finish(store, grants[0], SUCCESS, NOON + 0.5)
    for grant in grants[1:]:
        await finish(store, grant, Completion(health="neutral", refused=keys), NOON + 0.6)

    assert await limit_of(store, window(one.candidate, "second"), NOON + 1) == 1
    assert (await store.read([window(CREDENTIAL, "minute")], NOON + 1))[0].used == 1


async def test_one_that_is_refused_long_after_the_one_before_was_not_too_near(store: StateStore) -> None:
    one = model("minute", window(f"{CREDENTIAL}|minute", "minute"))
    keys = tuple(each.key for each in one.windows)
    await take(store, one, NOON)
    near = await take(store, one, NOON + 0.3)
    await finish(store, near, Completion(health="neutral", refused=keys), NOON + 0.4)
    learnt = await limit_of(store, window(one.candidate, "second"), NOON + 1)

    later = await take(store, one, NOON + 5)
    await finish(store, later, Completion(health="neutral", refused=keys), NOON + 5.1)

    assert learnt == 1
    assert await limit_of(store, window(one.candidate, "second"), NOON + 6) == 0


async def test_a_number_that_is_far_below_what_the_account_used_is_not_the_accounts(
    store: StateStore,
) -> None:
    day = window(CREDENTIAL, "day", kind="fixed")
    for number in range(40):
        one = model(f"m{number % 4}", day)
        await finish(store, await take(store, one, NOON + number), SUCCESS, NOON + number)

    grant = await take(store, model("m0", day), NOON + 50)
    refusal = Completion(health="neutral", refused=(day.key,), named=True, told=10)
    await finish(store, grant, refusal, NOON + 50)

    assert await limit_of(store, day, NOON + 51) == 0


async def test_a_number_near_what_the_account_used_is_the_accounts_and_no_models(store: StateStore) -> None:
    for number in range(20):
        one = model(f"m{number}", window(f"{CREDENTIAL}|m{number}", "minute", 20))
        await finish(store, await take(store, one, NOON + number), SUCCESS, NOON + number)
    own = window(f"{CREDENTIAL}|m0", "minute", 20)
    one = model("m0", own)

    grant = await take(store, one, NOON + 21)
    keys = (own.key, f"{CREDENTIAL}#requests/minute")
    await finish(store, grant, Completion(health="neutral", refused=keys, named=True, told=20), NOON + 21)

    assert await limit_of(store, window(CREDENTIAL, "minute"), NOON + 22) == 20
    assert await limit_of(store, own, NOON + 22) == 20


async def test_an_account_that_is_spent_in_silence_closes_with_all_its_models(store: StateStore) -> None:
    calls = 0
    for second in range(900):
        now = NOON + second
        for number in range(6):
            scope = f"{CREDENTIAL}|m{number}"
            one = model(f"m{number}", window(scope, "minute", 20))
            grant = await store.acquire(make_claim(one), now)
            if isinstance(grant, Refusal):
                continue
            calls += 1
            block = Block(scope, now + 2, "rate_limited", since=now, max_s=3600.0)
            keys = tuple(each.key for each in one.windows)
            await finish(store, grant, Completion(health="neutral", refused=keys, blocks=(block,)), now + 0.2)

    assert calls <= 25  # six models on ladders of their own would be asked some fifty times


async def test_a_bucket_whose_level_was_lost_follows_the_wait_that_it_is_told(store: StateStore) -> None:
    bucket = replace(requests(20, kind="bucket"), margin_s=MARGIN_S)
    one = Subject(CREDENTIAL, f"{CREDENTIAL}|b", (bucket,))
    grant = await take(store, one, NOON)

    block = Block(one.candidate, NOON + 2.5, "rate_limited", since=NOON)
    refusal = Completion(health="neutral", refused=(bucket.key,), named=True, told=20, blocks=(block,))
    await finish(store, grant, refusal, NOON)

    assert isinstance(await store.acquire(make_claim(one), NOON + 2.4), Refusal)
    await take(store, one, NOON + 3)
    answer = await store.acquire(make_claim(one), NOON + 4.5)
    assert isinstance(answer, Refusal)
    assert answer.retry_at == pytest.approx(NOON + 6, abs=0.6)


async def test_what_somebody_else_takes_of_a_limit_that_is_told_is_left_to_them(store: StateStore) -> None:
    minute = replace(tokens(6000, kind="rolling"), margin_s=MARGIN_S)
    one = Subject(CREDENTIAL, f"{CREDENTIAL}|t", (minute,))
    for number in range(2):
        await finish(store, await take(store, one, NOON + number, 1000), SUCCESS, NOON + number)

    grant = await take(store, one, NOON + 3, 1000)
    refusal = Completion(health="neutral", refused=(minute.key,), named=True, told=6000)
    await finish(store, grant, refusal, NOON + 3)

    assert await limit_of(store, minute, NOON + 4) == 2000
