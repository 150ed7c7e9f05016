"""POST …:generateContent through the whole gateway: what is served, what goes upstream, what fails and how it is told."""

from typing import Any

import orjson
import pytest

from apps.gateway.answering import stream as streaming
from apps.gateway.wire.errors import AGAIN
from tests.gateway.audio import SAMPLES
from tests.gateway.conftest import RAW_KEY, Gateway
from tests.gateway.test_key_tokens import limited
from tests.gemini.conftest import CITY, HELLO, TOOLS, answer_of, ask, body, frames

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WIRES = ["groq", "gemini", "cohere", "mistral"]


def sent(gateway: Gateway) -> dict[str, Any]:
    return gateway.fake.journal[-1].body


def calls_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    parts = answer["candidates"][0]["content"]["parts"]
    return [part["functionCall"] for part in parts if "functionCall" in part]


async def test_an_answer_says_who_answered(gateway: Gateway, way: str):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    answer = await answer_of(gateway, way, model="freeai-fast")

    event = gateway.events()[-1]
    assert (answer["responseId"], answer["modelVersion"]) == (event.id, "freeai-fast")
    assert (answer["provider"], answer["real_model"], answer["strategy_used"]) == ("mistral", "ok", "fastest")
    assert answer["fallback_chain"] == ["groq", "mistral"]
    assert answer["usageMetadata"]["promptTokenCount"] == event.prompt_tokens
    assert answer["usageMetadata"]["candidatesTokenCount"] == event.completion_tokens
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert (event.endpoint, event.virtual_model) == ("generate_content", "freeai-fast")
    assert await gateway.open_grants() == 0


@pytest.mark.parametrize("provider", WIRES)
@pytest.mark.parametrize("has_ids", [True, False], ids=["with ids", "without ids"])
async def test_functions_their_responses_and_the_answer(
    gateway: Gateway, provider: str, has_ids: bool, way: str
):
    gateway.add(provider)
    gateway.fake.script(provider, ["parallel_tools", "ok"])
    called = await answer_of(gateway, way, tools=TOOLS)
    calls = calls_of(called)
    model = called["candidates"][0]["content"]
    results = [
        {
            "functionResponse": {
                "id": call["id"],
                "name": call["name"],
                "response": {"output": f"of {call['name']}"},
            }
        }
        for call in calls
    ]
    if not has_ids:
        for part in [*model["parts"], *results]:
            next(iter(part.values())).pop("id")
    history = [*HELLO, model, {"role": "user", "parts": [{"text": "There."}, *results]}]

    answered = await answer_of(gateway, way, tools=TOOLS, contents=history)

    assert [(call["name"], call["args"]) for call in calls] == [
        ("get_weather", {"city": "Rome"}),
        ("get_forecast", {"city": "Oslo"}),
    ]
    assert called["candidates"][0]["finishReason"] == answered["candidates"][0]["finishReason"] == "STOP"
    text = orjson.dumps(sent(gateway)).decode()
    assert text.index("of get_weather") < text.index("of get_forecast") < text.index("There.")


async def test_a_signature_of_the_model_survives_a_client_that_drops_ids(gateway: Gateway, way: str):
    gateway.add("gemini", "gemini-3-flash-preview")
    gateway.fake.script("gemini", ["tool_call", "ok"])
    called = await answer_of(gateway, way, tools=TOOLS)
    (part,) = called["candidates"][0]["content"]["parts"]
    del part["functionCall"]["id"]
    response = {"functionResponse": {"name": part["functionCall"]["name"], "response": {"ok": True}}}
    history = [*HELLO, {"role": "model", "parts": [part]}, {"role": "user", "parts": [response]}]

    await answer_of(gateway, way, tools=TOOLS, contents=history)

    (returned,) = (
        p for content in sent(gateway)["contents"] for p in content["parts"] if "functionCall" in p
    )
    assert part["thoughtSignature"]
    assert returned["thoughtSignature"] not in (
        "",
        "skip_thought_signature_validator",
        part["thoughtSignature"],
    )


async def test_thoughts_are_shown_to_who_asks(gateway: Gateway, way: str):
    gateway.add("groq", "openai/gpt-oss-120b", capabilities={"reasoning"})
    gateway.fake.script("groq", ["reasoning", "reasoning"])

    silent = await answer_of(gateway, way)
    config = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8192}}
    shown = await answer_of(gateway, way, generationConfig=config)

    def kinds(answer: dict[str, Any]) -> list[bool]:
        return [part.get("thought", False) for part in answer["candidates"][0]["content"]["parts"]]

    assert (kinds(silent), kinds(shown)) == ([False], [True, False])
    assert shown["usageMetadata"]["thoughtsTokenCount"] > 0
    assert sent(gateway)["reasoning_effort"] == "medium"


async def test_every_option_in_either_spelling(gateway: Gateway):
    gateway.add("groq", capabilities={"tools", "forced_tools", "json_schema", "json_object", "n"})
    config = {
        "max_output_tokens": 50,
        "temperature": 0.5,
        "topP": 0.9,
        "top_k": 40.0,
        "stopSequences": ["x"],
        "seed": 7,
        "response_mime_type": "application/json",
        "responseSchema": CITY | {"nullable": True, "property_ordering": ["city"]},
        "thinkingConfig": {"thinking_level": "low"},
    }

    answer = await ask(
        gateway,
        generation_config=config,
        system_instruction={"parts": {"text": "Be brief."}},
        model="groq/ok",
    )

    assert answer.status == 200, answer.body
    asked = sent(gateway)
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (asked["temperature"], asked["top_p"], asked["stop"], asked["seed"]) == (0.5, 0.9, ["x"], 7)
    assert 50 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    schema = asked["response_format"]["json_schema"]["schema"]
    assert schema["type"] == ["object", "null"]
    assert schema["properties"]["city"]["type"] == "string"


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY"}, "required"),
        (
            {"mode": "any", "allowed_function_names": ["get_weather"]},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
    ],
)
async def test_the_choice_of_functions(gateway: Gateway, calling: dict[str, Any], choice: Any):
    gateway.add("groq", capabilities={"tools", "forced_tools"})

    answer = await ask(gateway, tools=TOOLS, toolConfig={"functionCallingConfig": calling})

    assert answer.status == 200, answer.body
    assert sent(gateway)["tool_choice"] == choice


async def test_what_google_runs_itself_is_left_out_beside_functions(gateway: Gateway):
    gateway.add("groq")

    answer = await ask(gateway, tools=[*TOOLS, {"googleSearch": {}}, {"code_execution": {}}])

    assert answer.headers["x-freeai-dropped"] == "googleSearch, codeExecution"
    assert len(sent(gateway)["tools"]) == 2


@pytest.mark.parametrize("provider", ["gemini", "groq"])
async def test_images_and_texts_inline(gateway: Gateway, provider: str):
    gateway.add(provider)
    parts = [
        {"text": "What is this?"},
        {"inline_data": {"mime_type": "image/png", "data": PIXEL}},
        {"inlineData": {"mimeType": "text/plain", "data": "UGxhaW4u"}},
    ]

    answer = await ask(gateway, contents=[{"parts": parts}])

    assert answer.status == 200, answer.body
    text = orjson.dumps(sent(gateway)).decode()
    assert PIXEL in text
    assert "Plain." in text


async def test_audio_inline(gateway: Gateway):
    from base64 import b64encode

    gateway.add("gemini", capabilities={"audio"})
    data = b64encode(SAMPLES["wav"]).decode()

    answer = await ask(
        gateway,
        contents=[{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": data}}, {"text": "?"}]}],
    )

    assert answer.status == 200, answer.body
    assert data in orjson.dumps(sent(gateway)).decode()


async def test_several_candidates(gateway: Gateway, way: str):
    gateway.add("mistral", capabilities={"n"})

    answer = await answer_of(gateway, way, generationConfig={"candidateCount": 2})

    assert [candidate["index"] for candidate in answer["candidates"]] == [0, 1]
    assert all(candidate["content"]["parts"][0]["text"] for candidate in answer["candidates"])


@pytest.mark.parametrize(
    ("behaviour", "reason"), [("length", "MAX_TOKENS"), ("filtered_after_content", "SAFETY")]
)
async def test_reasons(gateway: Gateway, behaviour: str, reason: str, way: str):
    gateway.add("groq", behaviour)

    assert (await answer_of(gateway, way))["candidates"][0]["finishReason"] == reason


@pytest.mark.parametrize(
    ("behaviour", "status", "word"),
    [
        ("error_500", 502, "UNAVAILABLE"),
        ("error_429", 429, "RESOURCE_EXHAUSTED"),
        ("error_400", 400, "INVALID_ARGUMENT"),
        ("stall_headers", 504, "DEADLINE_EXCEEDED"),
    ],
)
async def test_failures_before_content(gateway: Gateway, behaviour: str, status: int, word: str, way: str):
    gateway.configure(stream_idle_timeout_s=0.2, response_timeout_s=0.2, first_content_timeout_s=0.2)
    gateway.add("groq", behaviour)

    answer = await ask(gateway, {"whole": "generateContent"}.get(way, "streamGenerateContent?alt=sse"))

    assert (answer.status, answer.error["code"], answer.error["status"]) == (status, status, word)
    assert answer.error["provider"] == "groq"


async def test_how_long_to_wait_is_in_the_details(gateway: Gateway):
    gateway.add("groq")
    limited(rpm_limit=1)
    await ask(gateway)

    refused = await ask(gateway)

    waits = [detail["retryDelay"] for detail in refused.error["details"] if "retryDelay" in detail]
    assert refused.status == 429
    assert waits == [f"{refused.headers['retry-after']}s"]


@pytest.mark.parametrize("stream_way", ["events", "array"])
async def test_a_stream_that_breaks_off_ends_with_an_error(gateway: Gateway, stream_way: str):
    gateway.add("groq", "cut")

    *begun, last = frames(
        await ask(
            gateway, {"events": "streamGenerateContent?alt=sse"}.get(stream_way, "streamGenerateContent")
        )
    )

    assert begun
    assert last["error"]["code"] == 502
    assert last["error"]["message"].endswith(AGAIN)
    assert next(iter(last)) == "error"  # clients look at how it begins
    assert await gateway.open_grants() == 0


@pytest.mark.parametrize("stream_way", ["events", "array"])
async def test_a_quiet_stream_says_nothing_that_clients_fail_over(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, stream_way: str
):
    monkeypatch.setattr(streaming, "QUIET_S", 0.05)
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", 0.05)
    gateway.configure(stream_idle_timeout_s=0.4)
    gateway.add("groq", "stall")
    gateway.add("mistral", "ok")

    answer = await ask(
        gateway, {"events": "streamGenerateContent?alt=sse"}.get(stream_way, "streamGenerateContent")
    )

    read = frames(answer)
    assert b": keep-alive" not in answer.body
    assert b"[DONE]" not in answer.body
    assert read[-1]["provider"] == "mistral"
    if stream_way == "events":
        assert read[0] == {
            "candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "index": 0}]
        }
    else:
        assert answer.body.startswith(b"[\r\n")


async def test_all_fail_behind_the_quiet(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    gateway.add("groq", "error_500")

    answer = await ask(gateway, "streamGenerateContent")

    assert (answer.status, frames(answer)[-1]["error"]["status"]) == (200, "UNAVAILABLE")


async def test_a_client_that_leaves_costs_what_it_got(gateway: Gateway):
    gateway.add("groq", "frames_500_20")
    exchange = gateway.client.begin(
        "POST", "/v1beta/models/freeai-auto:streamGenerateContent?alt=sse", body()
    )
    async for part in exchange.parts():
        if b"candidates" in part:
            break

    await exchange.leave()

    (event,) = gateway.events()
    assert (event.outcome, event.endpoint) == ("cancelled", "generate_content")
    assert await gateway.open_grants() == 0


async def test_arguments_that_are_no_object_are_left_to_the_next(gateway: Gateway, upstream: Any):
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "[1]"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.answer(200, orjson.dumps({"id": "x", "choices": [choice]}))
    gateway.add("vllm", base_url=upstream.url)
    gateway.add("mistral", "tool_call")

    answer = await answer_of(gateway, "whole", tools=TOOLS)

    assert answer["provider"] == "mistral"
    assert calls_of(answer)[0]["args"] == {"city": "Rome"}


async def test_tokens_are_counted_beyond_the_keys_limit(gateway: Gateway):
    limited(rpm_limit=1)
    short = [await ask(gateway, "countTokens") for _ in range(3)]
    inner: dict[str, Any] = {
        "generateContentRequest": {"model": "models/x", "contents": HELLO, "tools": TOOLS}
    }
    long = await ask(gateway, "countTokens", contents=..., **inner)

    assert {answer.status for answer in short} == {200}
    assert 0 < short[0].json["totalTokens"] < long.json["totalTokens"]


@pytest.mark.parametrize("method", ["embedContent", "batchEmbedContents"])
async def test_vectors(gateway: Gateway, method: str):
    gateway.add("mistral", "mistral-embed", task="embedding")
    content: dict[str, Any] = {
        "content": {"parts": [{"text": "first"}, {"text": "doc"}]},
        "taskType": "RETRIEVAL_DOCUMENT",
    }
    requests = [content | {"model": "models/mistral-embed"}, content]
    fields: dict[str, Any] = content if method == "embedContent" else {"requests": requests}

    answer = await ask(gateway, method, model="mistral-embed", contents=..., **fields)

    assert answer.status == 200, answer.body
    made = [answer.json["embedding"]] if method == "embedContent" else answer.json["embeddings"]
    assert [len(each["values"]) for each in made] == [1024] * (1 if method == "embedContent" else 2)
    assert sent(gateway)["input"][0] == "first\ndoc"


async def test_lists_of_models(gateway: Gateway):
    gateway.add("groq", "ok")
    own = (await gateway.client.get("/v1beta/models")).json
    shared = (await gateway.client.get("/v1/models", **{"x-goog-api-key": RAW_KEY})).json
    openais = (await gateway.client.get("/v1/models")).json
    first = (await gateway.client.get("/v1beta/models?pageSize=5")).json
    second = (await gateway.client.get(f"/v1beta/models?pageSize=5&pageToken={first['nextPageToken']}")).json
    one = (await gateway.client.get("/v1beta/models/freeai-fast")).json
    none = await gateway.client.get("/v1beta/models/nothing")
    wrong = await gateway.client.get("/v1beta/models?pageSize=x")

    assert own == shared
    assert own["models"][0]["name"] == "models/freeai-auto"
    assert "generateContent" in own["models"][0]["supportedGenerationMethods"]
    assert openais["object"] == "list"
    assert first["models"] + second["models"] == own["models"]
    assert "nextPageToken" not in second
    assert one == own["models"][1]
    assert (none.status, none.error["status"]) == (404, "NOT_FOUND")
    assert (wrong.status, wrong.error["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "path", ["/v1beta/models/groq/ok:generateContent", "/v1/models/groq/ok:generateContent"]
)
async def test_keys(gateway: Gateway, path: str):
    gateway.add("groq")
    gateway.client.key = ""
    other = "fai_" + "w" * 43
    asked = {
        "none": (path, {}),
        "header": (path, {"x-goog-api-key": RAW_KEY}),
        "query": (f"{path}?key={RAW_KEY}", {}),
        "same": (f"{path}?key={RAW_KEY}", {"authorization": f"Bearer {RAW_KEY}"}),
        "two": (f"{path}?key={RAW_KEY}", {"x-goog-api-key": other}),
        "wrong": (path, {"x-goog-api-key": other}),
    }

    got = {
        name: await gateway.client.request("POST", at, body(), headers)
        for name, (at, headers) in asked.items()
    }

    assert {name: answer.status for name, answer in got.items()} == {
        "none": 401,
        "header": 200,
        "query": 200,
        "same": 200,
        "two": 401,
        "wrong": 401,
    }
    assert got["two"].error["status"] == "UNAUTHENTICATED"


async def test_a_key_in_the_url_opens_nothing_else(gateway: Gateway):
    gateway.add("groq")
    gateway.client.key = ""

    answer = await gateway.client.request(
        "POST", f"/v1/chat/completions?key={RAW_KEY}", b'{"messages": [{"role": "user", "content": "x"}]}'
    )

    assert answer.status == 401


async def test_a_prompt_that_is_too_long_is_said_in_googles_words(gateway: Gateway):
    gateway.add("groq", context_window=1000)

    answer = await ask(gateway, contents=[{"parts": [{"text": "word " * 4000}]}])

    assert answer.status == 400
    assert (
        answer.error["message"]
        == "The input token count (5004) exceeds the maximum number of tokens allowed (1000)."
    )
