"""The fakes of the providers that speak OpenAI's dialect refuse what the real ones refuse, in their words."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson
import pytest

from tests.fakes.requests import frames, send

USER = {"role": "user", "content": "Weather in Rome?"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
CALLS = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("provider", "model", "body", "status", "said"),
    [
        ("github", "ok", {"top_k": 5}, 400, b"Unrecognized request argument supplied: top_k"),
        ("github", "meta/llama@ok", {"parallel_tool_calls": False}, 400, b"parallel_tool_calls"),
        ("github", "meta/llama@ok", {"response_format": {"type": "json_schema"}}, 400, b"json_schema"),
        ("github", "ok", {"messages": [USER | {"content": "x" * 40_000}]}, 413, b"tokens_limit_reached"),
        ("nvidia", "ok", {"parallel_tool_calls": True}, 400, b"only supports single tool-calls at once!"),
        ("nvidia", "ok", {"n": 2}, 400, b"BadRequestError"),
        ("nvidia", "ok", {"store": False}, 400, b"store"),
        ("nvidia", "ok", {"messages": [{"role": "developer", "content": "x"}]}, 400, b"role"),
        ("cloudflare", "ok", {"messages": [USER, CALLS]}, 400, b'"code":5006'),
        ("cloudflare", "ok", {"messages": [USER | {"content": [{"type": "text", "text": "x"}]}]}, 400, b"5006"),
        ("sambanova", "ok", {"top_p": 100}, 400, b'"code":"decimal_above_max_value"'),
        ("sambanova", "ok", {"n": 2}, 400, b'"param":"n"'),
        ("together", "ok", {"logprobs": True}, 400, b"Expected number, received boolean"),
        ("zai", "ok", {"temperature": 1.5}, 400, b'"code":"1214"'),
        ("zai", "ok", {"top_p": 0}, 400, b"top_p"),
        ("zai", "ok", {"stop": ["a", "b"]}, 400, b"stop"),
        ("zai", "ok", {"tool_choice": "required"}, 400, b"tool_choice"),
        ("zai", "ok", {"response_format": {"type": "json_schema"}}, 400, b"response_format"),
        ("ollama", "ok", {"messages": [USER | {"content": [IMAGE]}]}, 400, b"invalid image input"),
        ("lmstudio", "ok", {"response_format": {"type": "json_object"}}, 400, b"must be 'json_schema' or 'text'"),
        ("groq", "ok", {"tools": [{}], "response_format": {"type": "json_object"}, "stream": True}, 400, b"streaming"),
    ],
)  # fmt: skip
async def test_refuses(fake, http, provider, model, body, status, said):
    response, raw = await send(http, fake, provider, model, **body)

    assert response.status == status, raw
    assert said in raw


@pytest.mark.parametrize(
    ("provider", "fault", "expected"),
    [
        ("github", "error_401", {"error": {"code": "unauthorized", "message": "Bad credentials", "details": "Bad credentials"}}),
        ("nvidia", "error_401", {"status": 403, "title": "Forbidden", "detail": "Authorization failed"}),
        ("nvidia", "error_429_minute", {"status": 429, "title": "Too Many Requests"}),
        ("zai", "error_429_queue", {"error": {"code": "1302", "message": "Rate limit reached for requests"}}),
        ("ollama_cloud", "error_401", {"error": "unauthorized"}),
        ("vllm", "error_401", {"error": "Unauthorized"}),
        ("lmstudio", "error_500", {"error": "The server had an error while processing your request."}),
        (
            "llamacpp",
            "error_503",
            {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
        ),
    ],
)  # fmt: skip
async def test_words_errors_as_the_real_ones_do(fake, http, provider, fault, expected):
    _, raw = await send(http, fake, provider, fault)

    assert orjson.loads(raw) == expected


async def test_zai_takes_one_call_at_a_time(fake, http):
    slow = asyncio.create_task(send(http, fake, "zai", "slow_0.3"))
    await asyncio.sleep(0.1)

    second, raw = await send(http, fake, "zai", "ok")
    first, _ = await slow
    third, _ = await send(http, fake, "zai", "ok")

    assert (first.status, second.status, third.status) == (200, 429, 200)
    assert orjson.loads(raw)["error"]["code"] == "1302"


async def test_github_opens_a_stream_without_choices(fake, http):
    _, raw = await send(http, fake, "github", "ok", stream=True)

    first = frames(raw)[0]
    assert (first["choices"], first["id"]) == ([], "")
    assert "prompt_filter_results" in first


async def test_cloudflare_knows_one_account_only(fake, http):
    url = fake.url("cloudflare").replace("0123456789", "9876543210", 1) + "/chat/completions"

    async with http.post(url, json={"model": "ok", "messages": [USER]}) as response:
        assert response.status == 404


@pytest.mark.parametrize("provider", ["ollama", "lmstudio", "vllm", "llamacpp"])
async def test_servers_of_ones_own_ask_for_no_key(fake, provider):
    async with aiohttp.ClientSession() as anonymous:
        response, _ = await send(anonymous, fake, provider, "ok")

    assert response.status == 200
