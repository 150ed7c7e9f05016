"""Agents name a ceiling of 32,000 tokens and answer in a hundred: what they get of a pool's tokens a minute, on every surface of chat."""

import asyncio
from typing import Any

import orjson
import pytest

from apps.clients.windows import SPANS, windows_of
from apps.providers.claims import DEFAULT_COMPLETION_TOKENS
from apps.providers.limits import Limit
from fakes.quotas import Quotas, Window
from tests.asgi import Answer
from tests.gateway.conftest import USER, Gateway, until, use_key
from tests.gateway.test_what_calls_take import only_offer, used
from tests.messages import conftest as messages
from tests.responses import conftest as responses

TPM = 12_000
CEILING = 32_000
PROMPT = "word " * 1_500
"""About 1,900 tokens."""
MESSAGES = [{"role": "user", "content": PROMPT}]
SURFACES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": CEILING}),
    "newer chat": ("/v1/chat/completions", {"messages": MESSAGES, "max_completion_tokens": CEILING}),
    "responses": ("/v1/responses", {"input": PROMPT, "max_output_tokens": CEILING, "store": False}),
    "messages": ("/v1/messages", {"messages": MESSAGES, "max_tokens": CEILING}),
    "completions": ("/v1/completions", {"prompt": PROMPT, "max_tokens": CEILING}),
}
TOO_LONG: dict[str, str] = {
    "chat": "maximum context length is",
    "newer chat": "maximum context length is",
    "responses": "maximum context length is",
    "messages": "prompt is too long: ",
    "completions": "maximum context length is",
}
surfaces = pytest.mark.parametrize("surface", sorted(SURFACES))
AGENTS = {
    "codex": ("/v1/responses", responses.FIXTURES["codex-responses-first-turn"]["body"]),
    "claude code": ("/v1/messages", messages.FIXTURES["claudecode-messages-first-turn"]["body"]),
    "opencode": ("/v1/responses", responses.FIXTURES["opencode-responses-turn"]["body"]),
}


def padded(body: dict[str, Any]) -> bytes:
    """The request in the size that it really has: 30 tools, and 100 kB in all."""
    tools = [tool for tool in body["tools"] if "description" in tool and "name" in tool]
    more = [{**tools[0], "name": f"{tools[0]['name'][:40]}_{at}"} for at in range(30 - len(body["tools"]))]
    made = {**body, "model": "freeai-code", "tools": [*body["tools"], *more]}
    missing = 100_000 - len(orjson.dumps(made))
    last = {**more[-1], "description": "word " * (missing // 5)}
    return orjson.dumps({**made, "tools": [*made["tools"][:-1], last]})


def pool(gateway: Gateway, provider: str = "mistral", limit: int = TPM, **fields: Any) -> Quotas:
    """One provider that declares and enforces so many tokens a minute."""
    gateway.add(provider, limits=[Limit("tokens", "minute", limit, "rolling")], **fields)
    return gateway.fake.enforce(provider, Window("tokens", limit, kind="rolling"))


async def ask(gateway: Gateway, surface: str, **fields: Any) -> Answer:
    path, body = SURFACES[surface]
    made = orjson.dumps({"model": "freeai-code", **body, **fields})
    return await gateway.client.request("POST", path, made)


@pytest.mark.parametrize("stream", [False, True])
@surfaces
async def test_serve_as_many_requests_as_there_are_tokens_for(gateway: Gateway, surface: str, stream: bool):
    quotas = pool(gateway)

    answers = [await ask(gateway, surface, stream=stream) for _ in range(7)]

    assert [answer.status for answer in answers] == [200] * 6 + [429]
    assert quotas.refused == 0


@surfaces
async def test_fit_where_their_ceiling_is_counted_before_they_are_let_in(gateway: Gateway, surface: str):
    quotas = pool(gateway, "groq")

    answers = [await ask(gateway, surface) for _ in range(5)]

    assert [answer.status for answer in answers] == [200] * 4 + [429]
    assert quotas.refused == 0
    assert gateway.fake.journal[-1].body["max_completion_tokens"] == 4_096
    assert "x-freeai-dropped" in answers[0].headers


async def test_a_ceiling_is_cut_the_less_the_larger_the_window_is(gateway: Gateway):
    pool(gateway, "groq", limit=100_000)

    await ask(gateway, "chat")

    assert gateway.fake.journal[-1].body["max_completion_tokens"] == 25_000


async def test_one_below_what_is_cut_is_sent_as_it_is(gateway: Gateway):
    pool(gateway, "groq")

    answer = await ask(gateway, "chat", max_tokens=1_000)

    assert gateway.fake.journal[-1].body["max_completion_tokens"] == 1_000
    assert "x-freeai-dropped" not in answer.headers


async def test_a_prompt_that_almost_fills_the_window_leaves_a_short_answer(gateway: Gateway):
    quotas = pool(gateway, "groq", limit=3_500)

    answer = await ask(gateway, "chat")

    assert (answer.status, quotas.refused) == (200, 0)
    assert gateway.fake.journal[-1].body["max_completion_tokens"] in range(1_024, 1_600)


@surfaces
async def test_what_fits_no_minute_is_too_long_in_the_words_by_which_clients_compact(
    gateway: Gateway, surface: str
):
    pool(gateway, "mistral", limit=1_500)
    gateway.add("groq", limits=[Limit("tokens", "minute", 1_000)])

    answer = await ask(gateway, surface)

    assert answer.status == 400
    assert (answer.error["code"], gateway.fake.journal) == ("context_length_exceeded", [])
    assert TOO_LONG[surface] in answer.error["message"]
    assert "1500" in answer.error["message"]
    assert "retry-after" not in answer.headers


async def test_so_is_what_that_provider_counts_as_too_long(gateway: Gateway):
    """Its own count of an earlier prompt was more than the estimate."""
    pool(gateway, limit=3_000)
    await ask(gateway, "chat")
    for _ in range(3):
        gateway.runtime.lengths.note_prompt(only_offer().subject.candidate, 1_000, 2_000)

    answer = await ask(gateway, "chat")

    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")


async def test_a_larger_candidate_answers_instead(gateway: Gateway):
    pool(gateway, limit=1_500)
    gateway.add("groq")

    answer = await ask(gateway, "messages")

    assert (answer.status, answer.headers["x-freeai-provider"]) == (200, "groq")


async def test_a_prompt_beyond_the_keys_own_minute_is_too_long_for_it(gateway: Gateway):
    pool(gateway)
    use_key(windows=windows_of(USER, 7, {SPANS["tpm_limit"]: 1_000}))

    answer = await ask(gateway, "messages")

    assert (answer.status, answer.error["code"]) == (400, "token_limit_exceeded")
    assert answer.error["message"].startswith("prompt is too long: ")
    assert answer.error["message"].endswith(" > 1000 maximum")


async def test_the_end_puts_the_reservation_right(gateway: Gateway):
    pool(gateway)

    await ask(gateway, "chat")
    [event] = gateway.events()

    assert await used(gateway) == {"tokens/minute": event.prompt_tokens + event.completion_tokens}
    assert await gateway.open_grants() == 0


async def test_what_is_under_way_is_held_by_what_such_answers_were(gateway: Gateway):
    """Of one client key: what another's come to says nothing."""
    quotas = pool(gateway, limit=100_000)
    for _ in range(6):
        await ask(gateway, "chat")
    before = (await used(gateway))["tokens/minute"]

    gateway.fake.script("mistral", ["slow_2"])
    asked = gateway.client.begin_chat(messages=MESSAGES, max_tokens=CEILING)
    await until(lambda: gateway.fake.open_requests)
    held = (await used(gateway))["tokens/minute"] - before
    await asked.leave()

    assert held < 2_200
    assert quotas.refused == 0


@pytest.mark.parametrize("name", sorted(AGENTS))
async def test_first_requests_of_agents_in_their_real_size_fit_a_small_minute(gateway: Gateway, name: str):
    """100 kB and 30 tools, beside a ceiling of 64,000 tokens where the client sends one."""
    quotas = pool(gateway, "groq", limit=30_000)
    path, body = AGENTS[name]

    answer = await gateway.client.request("POST", path, padded(body))

    assert answer.status == 200, answer.body
    assert quotas.refused == 0


async def test_a_window_is_overdrawn_by_no_more_than_the_answers_under_way_are_longer(gateway: Gateway):
    """Each of 3,400 tokens, where 1,024 were expected: none is let in that the count has no room for."""
    limit = 7_000
    gateway.add("mistral", "long_1000", limits=[Limit("tokens", "minute", limit, "rolling")])

    answers = await asyncio.gather(*[ask(gateway, "chat") for _ in range(8)])

    events = gateway.events()
    longer = sum(event.completion_tokens - DEFAULT_COMPLETION_TOKENS for event in events)
    assert sorted(answer.status for answer in answers) == [200] * 2 + [429] * 6
    assert limit < (await used(gateway))["tokens/minute"] <= limit + longer
    assert await gateway.open_grants() == 0
