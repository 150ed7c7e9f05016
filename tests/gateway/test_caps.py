"""A client's `max_tokens` is a ceiling: agents send 32,000 and more with every request, whatever the model can."""

import pytest

from apps.providers.limits import Limit
from apps.providers.types import Preset
from fakes.answers import CHARS_PER_TOKEN
from tests.gateway.conftest import Gateway
from tests.providers.azure_wire import AZURE

CAPS = ["max_tokens", "max_completion_tokens"]
# Where each wire has the cap on the answer.
PLACES = {
    "mistral": lambda body: body["max_tokens"],
    "groq": lambda body: body["max_completion_tokens"],
    "openrouter": lambda body: body.get("max_tokens") or body.get("max_completion_tokens"),
    "gemini": lambda body: body["generationConfig"]["maxOutputTokens"],
    "cohere": lambda body: body["max_tokens"],
}


def sent(gateway: Gateway):
    return gateway.fake.journal[-1].body


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("provider", sorted(PLACES))
async def test_is_cut_to_what_the_model_can_say_and_reported(gateway: Gateway, provider: str, cap: str):
    gateway.add(provider, max_output_tokens=32_768)

    answer = await gateway.client.chat(**{cap: 64_000})

    assert answer.status == 200
    assert PLACES[provider](sent(gateway)) == 32_768
    assert answer.headers["x-freeai-dropped"] == cap


@pytest.mark.parametrize("provider", sorted(PLACES))
async def test_within_what_the_model_can_say_passes_unreported(gateway: Gateway, provider: str):
    gateway.add(provider, max_output_tokens=32_768)

    answer = await gateway.client.chat(max_tokens=32_000)

    assert PLACES[provider](sent(gateway)) == 32_000
    assert "x-freeai-dropped" not in answer.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_beyond_the_context_window_excludes_nobody(gateway: Gateway, stream: bool):
    gateway.add("groq", context_window=16_000)

    answer = await gateway.client.chat(max_tokens=64_000, stream=stream)

    assert answer.status == 200
    assert sent(gateway)["max_completion_tokens"] < 16_000
    assert answer.headers["x-freeai-dropped"] == "max_tokens"


async def test_leaves_room_for_the_prompt_where_both_share_the_window(gateway: Gateway):
    gateway.add("vllm", context_window=16_000)
    prompt = [{"role": "user", "content": "word " * 4_000}]

    await gateway.client.chat(max_tokens=64_000, messages=prompt)

    journalled = len(str(sent(gateway)["messages"])) // CHARS_PER_TOKEN
    assert 1_000 < sent(gateway)["max_tokens"] <= 16_000 - journalled


async def test_takes_no_room_from_an_answer_that_has_a_window_of_its_own(gateway: Gateway):
    gateway.add("github", preset=AZURE, context_window=8_000, max_output_tokens=4_000)
    prompt = [{"role": "user", "content": "word " * 5_000}]

    await gateway.client.chat(max_tokens=4_000, messages=prompt)

    assert sent(gateway)["max_tokens"] == 4_000


async def test_a_prompt_that_fits_nowhere_is_still_refused(gateway: Gateway):
    gateway.add("groq", context_window=1_000)

    answer = await gateway.client.chat(messages=[{"role": "user", "content": "word " * 4_000}])

    assert (answer.status, answer.json["error"]["code"]) == (400, "context_length_exceeded")
    assert "max_tokens" not in answer.json["error"]["message"]


async def test_only_one_cap_is_sent_and_it_is_the_newer_one(gateway: Gateway):
    gateway.add("custom", family="openai", preset=Preset())

    await gateway.client.chat(max_tokens=64_000, max_completion_tokens=500)

    assert {name: sent(gateway)[name] for name in CAPS if name in sent(gateway)} == {
        "max_completion_tokens": 500
    }


async def test_of_an_agent_does_not_take_a_whole_window(gateway: Gateway):
    gateway.add("groq", limits=[Limit("tokens", "day", 50_000)])
    calls = [await gateway.client.chat(max_tokens=64_000) for _ in range(3)]

    assert [call.status for call in calls] == [200, 200, 200]
