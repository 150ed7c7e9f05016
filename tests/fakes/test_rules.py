"""The fake upstream refuses what the real providers refuse, in their words."""

from __future__ import annotations

from posixpath import normpath
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from fakes import UPSTREAMS
from fakes.faults import Fault
from tests.fakes.requests import KEYS, PUBLIC_LISTS, ask, send

USER = {"role": "user", "content": "Weather in Rome?"}
GEMINI_USER = {"role": "user", "parts": [{"text": "Weather in Rome?"}]}
SIGNATURE = "skip_thought_signature_validator"


async def refusal(http, fake, provider, model="ok", **body):
    """Status and error document."""
    response, raw = await send(http, fake, provider, model, **body)
    return response.status, orjson.loads(raw)


def call_turn(tool_id: str):
    function = {"name": "get_weather", "arguments": "{}"}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": tool_id, "type": "function", "function": function}],
    }


def tool_turn(tool_id: str):
    return {"role": "tool", "tool_call_id": tool_id, "content": "sunny"}


@pytest.mark.parametrize("provider", sorted(UPSTREAMS))
@pytest.mark.parametrize("fault", list(Fault))
async def test_every_fault_is_a_json_error_streamed_or_not(fake, http, provider, fault):
    whole = await refusal(http, fake, provider, fault.value)
    streamed = await refusal(http, fake, provider, fault.value, stream=True)

    assert whole == streamed
    assert whole[0] >= 400
    assert whole[0] == fake.journal[-1].status


@pytest.mark.parametrize(
    ("provider", "status", "expected"),
    [
        ("openai", 401, b'"code":"invalid_api_key"'),
        ("groq", 401, b'{"error":{"message":"Invalid API Key"'),
        ("mistral", 401, b'{"detail":"Unauthorized"}'),
        ("cerebras", 401, b'{"message":"Wrong API Key"'),
        ("openrouter", 401, b'"message":"No auth credentials found","code":401'),
        ("huggingface", 401, b'{"error":"Invalid username or password."}'),
        ("gemini", 400, b'"reason":"API_KEY_INVALID"'),
        ("cohere", 401, b'"message":"invalid api token"'),
    ],
)
async def test_bad_and_missing_keys_get_the_providers_own_error(fake, provider, status, expected):
    bad = {"Authorization": "Bearer bad-key", "x-goog-api-key": "bad-key"}
    url, body = ask(fake, provider, "ok")

    async with aiohttp.ClientSession() as http:
        for headers in (bad, {}):
            async with http.post(url, json=body, headers=headers) as response:
                assert response.status == status
                assert expected in await response.read()


async def test_quota_errors_name_their_window_as_the_real_ones_do(fake, http):
    _, day = await refusal(http, fake, "gemini", "gemini-2.5-flash@error_429_day")
    _, minute = await refusal(http, fake, "gemini", "error_429_minute")
    _, groq = await refusal(http, fake, "groq", "llama@error_429_day")
    _, queue = await refusal(http, fake, "cerebras", "error_429_queue")
    _, openrouter = await refusal(http, fake, "openrouter", "error_429_day")
    _, mistral = await refusal(http, fake, "mistral", "error_429_minute")
    money, _ = await refusal(http, fake, "huggingface", "error_402")

    violation = day["error"]["details"][1]["violations"][0]
    assert "PerDay" in violation["quotaId"]
    assert violation["quotaDimensions"]["model"] == "gemini-2.5-flash@error_429_day"
    assert day["error"]["details"][2]["retryDelay"] == "20s"
    assert "PerMinute" in minute["error"]["details"][1]["violations"][0]["quotaId"]
    assert "tokens per day (TPD)" in groq["error"]["message"]
    assert queue["code"] == "queue_exceeded"
    assert openrouter["error"]["metadata"]["limit_source"] == "openrouter_free_tier_daily"
    assert mistral["code"] == "1300"
    assert money == 402


@pytest.mark.parametrize(
    "field",
    [{"n": 2}, {"logprobs": True}, {"top_logprobs": 2}, {"logit_bias": {"1": 1}}, {"store": False}],
    ids=lambda field: next(iter(field)),
)
async def test_groq_refuses_unsupported_fields(fake, http, field):
    status, document = await refusal(http, fake, "groq", **field)

    assert status == 400
    assert next(iter(field)) in document["error"]["message"]


async def test_groq_takes_harmless_values(fake, http):
    response, _ = await send(http, fake, "groq", "ok", n=1, logprobs=False, logit_bias=None, user="me")

    assert response.status == 200


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty", "logit_bias"])
async def test_cerebras_refuses_penalties_with_a_flat_error(fake, http, name):
    status, document = await refusal(http, fake, "cerebras", **{name: 0})

    assert (status, document["param"]) == (400, name)


async def test_mistral_refuses_unknown_keys_at_every_level(fake, http):
    top, document = await refusal(http, fake, "mistral", max_completion_tokens=5)
    in_message, _ = await refusal(http, fake, "mistral", messages=[{**USER, "name": "me"}])
    no_tools, _ = await refusal(http, fake, "mistral", tools=[])

    assert (top, in_message, no_tools) == (422, 422, 422)
    assert document["message"]["detail"][0]["loc"] == ["body", "max_completion_tokens"]
    assert document["message"]["detail"][0]["input"] == 5


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([USER, call_turn("call_123456"), tool_turn("call_123456")], "3280"),
        ([USER, call_turn("abcdefghi"), tool_turn("abcdefghi"), USER], "3230"),
        ([USER, {"role": "assistant", "content": "Sunny."}], "3230"),
        ([USER, tool_turn("abcdefghi")], "3230"),
        ([USER, call_turn("abcdefghi"), USER], "3230"),
        ([USER, {"role": "assistant", "content": ""}, USER], "3230"),
    ],
    ids=[
        "long id",
        "user after tool",
        "assistant last",
        "tool unasked",
        "call unanswered",
        "empty assistant",
    ],
)
async def test_mistral_refuses_foreign_ids_and_wrong_order(fake, http, messages, code):
    status, document = await refusal(http, fake, "mistral", messages=messages)

    assert (status, document["code"]) == (400, code)


async def test_mistral_takes_a_history_that_it_wrote_itself(fake, http):
    _, answer = await send(http, fake, "mistral", "parallel_tools")
    message = orjson.loads(answer)["choices"][0]["message"]
    results = [tool_turn(call["id"]) for call in message["tool_calls"]]

    response, raw = await send(http, fake, "mistral", "ok", messages=[USER, message, *results])

    assert response.status == 200, raw


def gemini_history(*, signature: str | None = SIGNATURE, responses: int = 1, name: str = "get_weather"):
    call = {"functionCall": {"name": "get_weather", "args": {}}}
    signed = {**call, "thoughtSignature": signature} if signature else call
    result = {"functionResponse": {"name": name, "response": {"output": "sunny"}}}
    return [
        GEMINI_USER,
        {"role": "model", "parts": [signed]},
        {"role": "user", "parts": [result] * responses},
    ]


def declaring(parameters):
    return [{"functionDeclarations": [{"name": "f", "description": "", "parameters": parameters}]}]


@pytest.mark.parametrize(
    ("model", "body", "text"),
    [
        ("ok", {"store": True}, 'Unknown name "store"'),
        ("ok", {"generationConfig": {"logitBias": {}}}, "at 'generation_config'"),
        (
            "ok",
            {"tools": declaring({"type": "object", "additionalProperties": False})},
            "at 'tools[0].function_declarations[0].parameters': Cannot find field.",
        ),
        ("ok", {"tools": declaring({"type": ["string", "null"]})}, "Proto field is not repeating"),
        (
            "ok",
            {"tools": declaring({"type": "object", "properties": {"a": {"type": "string", "const": "x"}}})},
            'Unknown name "const"',
        ),
        ("ok", {"generationConfig": {"responseSchema": {"$ref": "#"}}}, 'Unknown name "$ref"'),
        ("ok", {"contents": gemini_history(responses=2)}, "number of function response parts"),
        ("ok", {"contents": gemini_history(name="other")}, "do not match"),
        ("ok", {"contents": [gemini_history()[2]]}, "immediately after a function call turn"),
        ("ok", {"contents": [GEMINI_USER, GEMINI_USER]}, "alternate between user and model"),
        ("ok", {"contents": [{"role": "model", "parts": [{"text": "Hi"}]}, GEMINI_USER]}, "alternate"),
        ("ok", {"contents": gemini_history()[:2]}, "ending with a model turn"),
        (
            "ok",
            {"contents": [{"role": "user", "parts": [{"text": "x", "cache": 1}]}]},
            'Unknown name "cache"',
        ),
        ("gemini-3-flash", {"contents": gemini_history(signature=None)}, "missing a thought_signature"),
        ("gemini-3-flash", {"contents": gemini_history(signature="bm8=")}, "Corrupted thought signature"),
        ("gemma-3-27b-it", {"systemInstruction": {"parts": [{"text": "x"}]}}, "Developer instruction is not"),
    ],
)
async def test_gemini_refuses(fake, http, model, body, text):
    status, document = await refusal(http, fake, "gemini", model, **body)

    assert (status, document["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert text in document["error"]["message"]


async def test_gemini_3_takes_its_own_tool_calls_back(fake, http):
    _, answer = await send(http, fake, "gemini", "gemini-3-flash@parallel_tools")
    content = orjson.loads(answer)["candidates"][0]["content"]
    calls = [part["functionCall"] for part in content["parts"]]
    results = [{"functionResponse": {"id": c["id"], "name": c["name"], "response": {}}} for c in calls]

    contents = [GEMINI_USER, content, {"role": "user", "parts": results}]
    response, raw = await send(http, fake, "gemini", "gemini-3-flash@ok", contents=contents)

    assert response.status == 200, raw


async def test_gemini_takes_snake_case_and_plain_json_schema(fake, http):
    schema = {"type": ["string", "null"], "additionalProperties": False}
    tools = [{"function_declarations": [{"name": "f", "parametersJsonSchema": schema}]}]

    response, raw = await send(
        http, fake, "gemini", "ok", tools=tools, generation_config={"max_output_tokens": 5}
    )
    refused, _ = await refusal(http, fake, "gemini", generation_config={"no_such_key": 5})

    assert response.status == 200, raw
    assert refused == 400


@pytest.mark.parametrize("provider", sorted(UPSTREAMS))
@pytest.mark.parametrize(
    "raw", [b"{not json", b"[]", b"{}", b'{"model":"ok","messages":["x"],"contents":["x"]}']
)
async def test_bodies_that_cannot_be_read_are_refused_and_kept(fake, http, provider, raw):
    url, _ = ask(fake, provider, "ok")

    async with http.post(url, data=raw) as response:
        assert response.status == 400
        await response.read()

    assert fake.journal[-1].finished == "complete"


@pytest.mark.parametrize("provider", sorted(UPSTREAMS))
async def test_model_lists_have_the_providers_shape(fake, provider):
    path = {"cohere": "/../v1/models", "cloudflare": "/../models/search"}.get(provider, "/models")
    url = normpath(urlsplit(fake.url(provider)).path + path)
    async with aiohttp.ClientSession(fake.origin) as anonymous:
        async with anonymous.get(url) as response:
            public = response.status
        async with anonymous.get(url, headers=KEYS) as response:
            document = await response.json()

    assert (public == 200) is (provider in PUBLIC_LISTS)
    key = {"gemini": "models", "cohere": "models", "cloudflare": "result", "together": ""}.get(
        provider, "data"
    )
    models = document[key] if key else document
    window = {
        "groq": "context_window",
        "mistral": "max_context_length",
        "openrouter": "context_length",
        "gemini": "inputTokenLimit",
        "cohere": "name",
    }
    assert models
    assert all(model.get(window.get(provider, "id")) for model in models)


async def test_other_routes(fake, http):
    async with http.get(fake.url("openrouter") + "/key") as response:
        key = await response.json()
    async with http.post(fake.url("gemini") + "/models/x:countTokens", json={"contents": []}) as response:
        count = await response.json()
    async with http.get(fake.url("cerebras") + "/nothing") as response:
        missing = response.status, (await response.json())["code"]

    assert key["data"]["is_free_tier"] is True
    assert count["totalTokens"] > 0
    assert missing == (404, "model_not_found")
