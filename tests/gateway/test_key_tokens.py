"""A client key's limits of tokens: reserved by each attempt, settled with what its usage event says."""

import asyncio

import pytest

from apps.clients.windows import SPANS, windows_of
from apps.core import clock
from apps.core.state.contract import Refusal
from apps.gateway import runtime
from tests.gateway.conftest import USER, Gateway, until, use_key

DAY_S = 86_400
LONG = {"messages": [{"role": "user", "content": "word " * 4000}]}


def limited(**limits):
    windows = windows_of(USER, 7, {SPANS[name]: limit for name, limit in limits.items()})
    use_key(windows=windows)
    return windows


async def used(windows):
    amounts = await runtime.current().store.take(windows, {}, clock.now())
    assert not isinstance(amounts, Refusal)
    return list(amounts)


def spent(gateway: Gateway) -> int:
    return sum(event.prompt_tokens + event.completion_tokens for event in gateway.events())


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_costs_what_its_event_says(gateway: Gateway, stream: bool):
    gateway.add("groq")
    windows = limited(tpm_limit=50_000, tpd_limit=100_000)

    await gateway.client.chat(stream=stream)

    assert 0 < spent(gateway) < 1000
    assert await used(windows) == [spent(gateway)] * 2


async def test_a_fallback_costs_what_all_its_attempts_cost(gateway: Gateway):
    gateway.add("groq", "error_500", family="openai")
    gateway.add("mistral", family="openai")
    windows = limited(tpd_limit=100_000)

    answer = await gateway.client.chat(model="freeai-auto")

    assert (answer.status, len(gateway.events())) == (200, 2)
    assert await used(windows) == [spent(gateway)]


async def test_embeddings_count_too(gateway: Gateway):
    gateway.add("mistral", "ok", family="openai", task="embedding", capabilities={"dimensions"})
    windows = limited(tpd_limit=100_000)

    answer = await gateway.client.request("POST", "/v1/embeddings", b'{"input": ["a b c", "d"]}')

    assert answer.status == 200
    assert await used(windows) == [spent(gateway)] != [0]


async def test_what_is_left_is_told_and_a_key_without_any_waits_for_midnight(gateway: Gateway):
    gateway.add("groq")
    windows = limited(rpm_limit=100, tpd_limit=2000)
    first = await gateway.client.chat()
    await runtime.current().store.take(windows, {"client_tokens": 2000 - spent(gateway)}, clock.now())
    left = DAY_S - clock.now() % DAY_S

    refused = await gateway.client.chat()

    assert (
        first.headers["x-ratelimit-limit-tokens"] == first.headers["x-ratelimit-remaining-tokens"] == "2000"
    )
    assert first.headers["x-ratelimit-remaining-requests"] == "99"
    assert (refused.status, refused.error["code"], refused.error["type"]) == (
        429,
        "rate_limit_exceeded",
        "rate_limit_error",
    )
    assert refused.error["message"] == "This client key may use 2000 tokens per day."
    assert 0 <= left - int(refused.headers["retry-after"]) + 1 <= 3
    assert refused.headers["x-ratelimit-limit-tokens"] == "2000"
    assert refused.headers["x-ratelimit-remaining-tokens"] == "0"
    assert len(gateway.events()) == 1


async def test_requests_at_once_cannot_spend_the_same_tokens(gateway: Gateway):
    """Each reserves a whole answer: 1024 tokens and its prompt."""
    gateway.add("groq")
    limited(tpd_limit=3000)

    answers = await asyncio.gather(*(gateway.client.chat() for _ in range(6)))

    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200, 200, 429, 429, 429, 429]
    assert (await gateway.client.chat()).status == 200


async def test_a_cap_above_the_limit_bars_nobody_from_a_short_answer(gateway: Gateway):
    gateway.add("groq")
    limited(tpm_limit=500)

    assert (await gateway.client.chat(max_tokens=32_000)).status == 200


async def test_a_prompt_that_never_fits_is_no_matter_of_waiting(gateway: Gateway):
    gateway.add("groq")
    limited(tpm_limit=500)

    answer = await gateway.client.chat(**LONG)

    assert (answer.status, answer.error["code"]) == (400, "token_limit_exceeded")
    assert gateway.events() == []


async def test_a_client_that_leaves_gets_back_what_was_not_spent(gateway: Gateway):
    gateway.add("groq", "slow_5")
    windows = limited(tpd_limit=5000)
    exchange = gateway.client.begin_chat()
    await until(lambda: gateway.fake.journal)
    reserved = (await used(windows))[0]

    await exchange.leave()
    await until(lambda: [event.outcome for event in gateway.events()] == ["cancelled"])
    await until(lambda: not gateway.runtime._tasks)

    assert reserved > 1000
    assert await used(windows) == [spent(gateway)]
    assert spent(gateway) < 1000


async def test_the_providers_own_quota_is_still_no_limit_of_the_key(gateway: Gateway):
    gateway.add("groq")
    windows = limited(rpd_limit=1, tpd_limit=100_000)
    await gateway.client.chat()

    refused = await gateway.client.chat()

    assert refused.error["message"] == "This client key may send 1 requests per day."
    assert refused.headers["x-ratelimit-limit-requests"] == "1"
    assert (await used(windows))[1] == spent(gateway)
