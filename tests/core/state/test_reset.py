"""What a reset of an account, or of a whole provider, ends, and what it leaves."""

import pytest

from apps.core.state.contract import Block, Completion, Reason, StateStore, Subject
from apps.core.state.keys import candidate_key, credential_key, provider_key
from tests.core.state.builders import NOON, attempt, finish, refused, requests, standing, take, used

GROQ = provider_key("groq")
ACCOUNTS = [credential_key(user, "groq") for user in (1, 2, 12)]
ELSEWHERE = [credential_key(1, name) for name in ("groq2", "my-groq")]
DAY = 86_400.0


def account(credential: str) -> Subject:
    return Subject(credential, candidate_key(credential, "a|b"))


async def close(store: StateStore, wanted: Subject, scope: str, reason: Reason = "quarantine") -> None:
    block = Block(scope, NOON + 900, reason, "why", since=NOON, max_s=DAY)
    await finish(store, await take(store, wanted, NOON), Completion(health="neutral", blocks=(block,)), NOON)


async def reason(store: StateStore, credential: str, now: float) -> tuple[Reason | None, str]:
    found = await standing(store, account(credential), now)
    return found.reason, found.detail


async def test_of_a_provider_opens_every_account_and_model_of_it_and_no_other(store: StateStore) -> None:
    for credential in [*ACCOUNTS, *ELSEWHERE]:
        await close(store, account(credential), credential)
        await close(store, Subject(f"{credential}2", "other"), account(credential).candidate)

    await store.reset(GROQ, NOON + 1)

    assert [await reason(store, credential, NOON + 1) for credential in ACCOUNTS] == [(None, "")] * 3
    assert [await reason(store, credential, NOON + 1) for credential in ELSEWHERE] == [
        ("quarantine", "why")
    ] * 2


async def test_of_a_provider_closes_every_breaker_of_it_and_no_other(store: StateStore) -> None:
    for credential in [*ACCOUNTS, *ELSEWHERE]:
        for _ in range(3):
            await attempt(store, "failure", NOON, account(credential))

    await store.reset(GROQ, NOON + 1)

    assert [await reason(store, credential, NOON + 1) for credential in ACCOUNTS] == [(None, "")] * 3
    for credential in ELSEWHERE:
        assert (await refused(store, account(credential), NOON + 1)).reason == "breaker"


@pytest.mark.parametrize("scope", [GROQ, ACCOUNTS[0]])
async def test_opens_what_is_closed_for_everybody(store: StateStore, scope: str) -> None:
    await close(store, account(ACCOUNTS[0]), GROQ, "service_retired")

    await store.reset(scope, NOON + 1)

    assert [await reason(store, credential, NOON + 1) for credential in ACCOUNTS] == [(None, "")] * 3


@pytest.mark.parametrize("scope", [GROQ, ACCOUNTS[0]])
async def test_leaves_what_is_counted(store: StateStore, scope: str) -> None:
    await close(store, Subject(ACCOUNTS[0], "model", (requests(10),)), ACCOUNTS[0])

    await store.reset(scope, NOON + 1)

    assert await used(store, NOON + 1, requests(10)) == (1,)


async def test_of_a_provider_leaves_what_began_later(store: StateStore) -> None:
    await close(store, account(ACCOUNTS[0]), ACCOUNTS[0])

    await store.reset(GROQ, NOON + 1, before=NOON)
    kept = await reason(store, ACCOUNTS[0], NOON + 1)
    await store.reset(GROQ, NOON + 1, before=NOON + 1)

    assert kept == ("quarantine", "why")
    assert await reason(store, ACCOUNTS[0], NOON + 1) == (None, "")


async def test_what_was_closed_before_begins_anew(store: StateStore) -> None:
    await close(store, account(ACCOUNTS[0]), ACCOUNTS[0])

    await store.reset(GROQ, NOON + 1)
    await close(store, account(ACCOUNTS[0]), ACCOUNTS[0])

    assert (await standing(store, account(ACCOUNTS[0]), NOON)).blocked_until == NOON + 900
