"""What fakes make of tokens: caps that some charge before they answer, prompts that they know already, and gaps that Codestral fills."""

import orjson
import pytest

from fakes.quotas import Window
from tests.fakes.requests import send

LONG = [{"role": "system", "content": "word " * 1_200}, {"role": "user", "content": "Hi"}]
"""About 1,500 tokens."""
NEXT = [*LONG, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Go on."}]


@pytest.mark.parametrize(("provider", "status"), [("groq", 429), ("cerebras", 429), ("mistral", 200)])
async def test_a_cap_counts_before_the_answer_where_it_does(fake, http, provider, status):
    quotas = fake.enforce(provider, Window("tokens", 8_000))

    response, _ = await send(http, fake, provider, "ok", max_tokens=9_000)

    assert response.status == status
    assert quotas.refused == (status != 200)


async def test_and_is_given_back_when_it_is_there(fake, http):
    fake.enforce("groq", Window("tokens", 8_000))

    statuses = [(await send(http, fake, "groq", "ok", max_tokens=6_000))[0].status for _ in range(5)]

    assert statuses == [200] * 5


async def cached(http, fake, provider, messages, **fields):
    _, body = await send(http, fake, provider, "ok", messages=messages, **fields)
    usage = orjson.loads(body)["usage"]
    return usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)


async def test_a_prompt_that_begins_as_an_earlier_one_is_told_as_cached(fake, http):
    assert await cached(http, fake, "groq", LONG) == 0

    assert await cached(http, fake, "groq", NEXT) in range(1_408, 1_600)
    assert await cached(http, fake, "groq", NEXT) >= 1_408


async def test_another_beginning_a_short_one_and_another_provider_are_not(fake, http):
    await cached(http, fake, "groq", LONG)

    assert await cached(http, fake, "groq", [{"role": "system", "content": "other"}, *LONG]) == 0
    assert await cached(http, fake, "groq", [{"role": "user", "content": "Hi"}]) == 0
    assert await cached(http, fake, "mistral", LONG) == 0
    fake.reset()
    assert await cached(http, fake, "groq", LONG) == 0


async def fill(http, fake, **fields):
    document = {"model": "codestral-latest", "prompt": "def f(", "suffix": "return 1", **fields}
    async with http.post(f"{fake.url('mistral')}/fim/completions", json=document) as response:
        return response.status, await response.json()


async def test_a_gap_is_filled_in_the_shape_of_a_chat(fake, http):
    status, answer = await fill(http, fake, max_tokens=10, temperature=0, random_seed=3, stop=["\n"])

    assert status == 200
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "fields", [{"messages": []}, {"seed": 3}, {"presence_penalty": 1}, {"prompt": None}, {"temperature": 1.6}]
)
async def test_what_the_endpoint_does_not_take_is_a_422(fake, http, fields):
    assert (await fill(http, fake, **fields))[0] == 422
