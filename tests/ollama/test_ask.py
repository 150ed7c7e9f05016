"""POST /ollama/api/chat and /api/generate through the whole gateway: what is served, what goes upstream, what fails and how it is told."""

from typing import Any

import orjson
import pytest

from apps.gateway.answering import stream as streaming
from apps.gateway.wire.errors import AGAIN
from tests.gateway.conftest import RAW_KEY, Gateway
from tests.gateway.test_key_tokens import limited
from tests.ollama.conftest import CITY, FIXTURES, HELLO, TOOLS, answer_of, ask, body, joined, lines

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WIRES = ["groq", "gemini", "cohere", "mistral"]


def sent(gateway: Gateway) -> dict[str, Any]:
    return gateway.fake.journal[-1].body


@pytest.mark.parametrize("way", ["chat", "generate"])
async def test_an_answer_says_who_answered(gateway: Gateway, way: str, stream: bool):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    answer = await answer_of(gateway, way, stream=stream, model="freeai-fast:latest", system="Be brief.")

    event = gateway.events()[-1]
    assert answer["model"] == "freeai-fast:latest"
    assert (answer["provider"], answer["real_model"], answer["strategy_used"]) == ("mistral", "ok", "fastest")
    assert answer["fallback_chain"] == ["groq", "mistral"]
    assert (answer["done"], answer["done_reason"]) == (True, "stop")
    assert (answer["prompt_eval_count"], answer["eval_count"]) == (
        event.prompt_tokens,
        event.completion_tokens,
    )
    assert answer["total_duration"] >= 0
    assert answer["response"] if way == "generate" else answer["message"]["content"]
    assert (event.endpoint, event.virtual_model) == (f"ollama/{way}", "freeai-fast")
    assert await gateway.open_grants() == 0


async def test_streams_are_what_is_not_asked_for_otherwise(gateway: Gateway):
    gateway.add("groq")

    assert joined(await ask(gateway))["message"]["content"]


@pytest.mark.parametrize("provider", WIRES)
async def test_tools_their_results_and_the_answer(gateway: Gateway, provider: str, stream: bool):
    """Their arguments are objects, and calls and results have no ids but the tool's name."""
    gateway.add(provider)
    gateway.fake.script(provider, ["parallel_tools", "ok"])
    called = (await answer_of(gateway, stream=stream, tools=TOOLS))["message"]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in called["tool_calls"]]
    bare = [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls]
    history = [
        *HELLO,
        {"role": "assistant", "content": "", "tool_calls": bare},
        {"role": "tool", "tool_name": "get_forecast", "content": "of get_forecast"},
        {"role": "tool", "tool_name": "get_weather", "content": "of get_weather"},
    ]

    answered = await answer_of(gateway, stream=stream, tools=TOOLS, messages=history)

    assert calls == [("get_weather", {"city": "Rome"}), ("get_forecast", {"city": "Oslo"})]
    assert answered["message"]["content"]
    text = orjson.dumps(sent(gateway)).decode()
    assert text.index("of get_weather") < text.index("of get_forecast")


async def test_thinking_is_shown_to_who_asks(gateway: Gateway, stream: bool):
    gateway.add("groq", "openai/gpt-oss-120b", capabilities={"reasoning"})
    gateway.fake.script("groq", ["reasoning", "reasoning"])

    silent = await answer_of(gateway, stream=stream)
    shown = await answer_of(gateway, stream=stream, think="high")

    assert "thinking" not in silent["message"]
    assert shown["message"]["thinking"]
    assert sent(gateway)["reasoning_effort"] == "high"


async def test_options(gateway: Gateway):
    gateway.add("groq", capabilities={"json_schema"})
    options = {"temperature": 0.5, "top_p": 0.9, "num_predict": 50, "stop": ["x"], "seed": 7, "num_ctx": 4096}

    answer = await ask(gateway, stream=False, options=options, format=CITY, keep_alive="5m")

    assert answer.status == 200, answer.body
    asked = sent(gateway)
    assert (asked["temperature"], asked["top_p"], asked["stop"], asked["seed"]) == (0.5, 0.9, ["x"], 7)
    assert 50 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    assert asked["response_format"]["json_schema"]["schema"] == CITY
    assert not {"options", "num_ctx", "keep_alive", "format"} & asked.keys()


@pytest.mark.parametrize("way", ["chat", "generate"])
async def test_images(gateway: Gateway, way: str):
    gateway.add("groq")
    message = HELLO[0] | {"images": [PIXEL]}
    fields = {"messages": [message]} if way == "chat" else {"images": [PIXEL]}

    answer = await ask(gateway, way, stream=False, **fields)

    assert answer.status == 200, answer.body
    assert f"data:image/png;base64,{PIXEL}" in orjson.dumps(sent(gateway)).decode()


@pytest.mark.parametrize(
    ("way", "empty"), [("chat", {"messages": []}), ("chat", {"messages": ...}), ("generate", {"prompt": ""})]
)
async def test_a_request_for_nothing_loads_a_model_and_asks_nobody(
    gateway: Gateway, way: str, empty: dict[str, Any], stream: bool
):
    gateway.add("groq")

    answer = await ask(gateway, way, stream=stream, **empty)

    told = lines(answer)[0] if stream else answer.json
    assert (told["done"], told["done_reason"]) == (True, "load")
    assert gateway.fake.journal == []


@pytest.mark.parametrize("provider", WIRES)
async def test_the_request_of_a_real_client(gateway: Gateway, provider: str, stream: bool):
    gateway.add(provider, capabilities={"json_object"})
    gateway.client.key = ""
    fixture = FIXTURES["ollama-chat-stream"]
    headers = fixture["headers"] | {"authorization": f"Bearer {RAW_KEY}"}

    asked = orjson.dumps(fixture["body"] | {"stream": stream})

    answer = await gateway.client.request("POST", fixture["path"], asked, headers)

    assert (joined(answer) if stream else answer.json)["done_reason"] == "stop"
    assert "json" in orjson.dumps(sent(gateway)).decode()
    assert "tools" not in sent(gateway)


@pytest.mark.parametrize(
    ("behaviour", "status"), [("error_500", 502), ("error_429", 429), ("error_400", 400)]
)
async def test_failures_before_content(gateway: Gateway, behaviour: str, status: int, stream: bool):
    gateway.add("groq", behaviour)

    answer = await ask(gateway, stream=stream)

    assert answer.status == status
    assert isinstance(answer.json["error"], str)
    assert answer.json.keys() == {"error"}


async def test_a_stream_that_breaks_off_ends_with_an_error(gateway: Gateway):
    gateway.add("groq", "cut")

    *begun, last = lines(await ask(gateway))

    assert begun
    assert last.keys() == {"error"}
    assert last["error"].endswith(AGAIN)
    assert await gateway.open_grants() == 0


async def test_a_quiet_stream_says_nothing_that_clients_fail_over(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streaming, "QUIET_S", 0.05)
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", 0.05)
    gateway.configure(stream_idle_timeout_s=0.4)
    gateway.add("groq", "stall")
    gateway.add("mistral", "ok")

    answer = await ask(gateway)

    read = lines(answer)
    assert (read[0]["message"], read[0]["done"]) == ({"role": "assistant", "content": ""}, False)
    assert read[-1]["provider"] == "mistral"


async def test_a_client_that_leaves_costs_what_it_got(gateway: Gateway):
    gateway.add("groq", "frames_500_20")
    exchange = gateway.client.begin("POST", "/ollama/api/chat", body(messages=HELLO))
    async for part in exchange.parts():
        if b"content" in part:
            break

    await exchange.leave()

    (event,) = gateway.events()
    assert (event.outcome, event.endpoint) == ("cancelled", "ollama/chat")
    assert await gateway.open_grants() == 0


async def test_arguments_that_are_no_object_are_left_to_the_next(gateway: Gateway, upstream: Any):
    call = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": "[1]"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.answer(200, orjson.dumps({"id": "x", "choices": [choice]}))
    gateway.add("vllm", base_url=upstream.url)
    gateway.add("mistral", "tool_call")

    answer = await answer_of(gateway, stream=False, tools=TOOLS)

    assert answer["provider"] == "mistral"
    assert answer["message"]["tool_calls"][0]["function"]["arguments"] == {"city": "Rome"}


async def test_vectors(gateway: Gateway):
    gateway.add("mistral", "mistral-embed", task="embedding")

    one = await ask(gateway, "embed", model="mistral-embed:latest", input="first doc")
    many = await ask(gateway, "embed", model="mistral-embed", input=["first doc", "second doc"])
    older = await ask(gateway, "embeddings", model="mistral-embed", prompt="first doc")

    assert [len(vector) for vector in one.json["embeddings"]] == [1024]
    assert len(many.json["embeddings"]) == 2
    assert many.json["prompt_eval_count"] > 0
    assert older.json["embedding"] == one.json["embeddings"][0]
    assert one.json["model"] == "mistral-embed:latest"


async def test_what_clients_want_to_know_of_models(gateway: Gateway):
    gateway.add("groq", "ok", capabilities={"tools", "reasoning"})
    tags = (await gateway.client.get("/ollama/api/tags")).json["models"]
    virtual = await ask(gateway, "show", model="freeai-long:latest")
    real = await ask(gateway, "show", model=..., name="groq/ok")
    none = await ask(gateway, "show", model="no-such")
    gateway.client.key = ""
    open_to_all = (await gateway.client.get("/ollama/api/tags")).json["models"]

    assert [tag["name"] for tag in open_to_all][:2] == ["freeai-auto", "freeai-fast"]
    assert "groq/ok" in [tag["name"] for tag in tags]
    assert "groq/ok" not in [tag["name"] for tag in open_to_all]
    assert all(len(tag["digest"]) == 64 for tag in tags)
    assert virtual.json["capabilities"] == ["completion", "tools", "vision", "thinking"]
    assert virtual.json["model_info"]["freeai.context_length"] == 1_048_576
    assert real.json["capabilities"] == ["completion", "tools", "thinking"]
    assert (none.status, "no-such" in none.json["error"]) == (404, True)


async def test_what_is_always_the_same(gateway: Gateway):
    gateway.client.key = ""

    root = await gateway.client.get("/ollama/")
    version = (await gateway.client.get("/ollama/api/version")).json["version"]

    assert (root.status, root.body) == (200, b"Ollama is running")
    assert [part.isdigit() for part in version.split(".")] == [True] * 3
    assert (await gateway.client.get("/ollama/api/ps")).json == {"models": []}


async def test_the_keys_own_limit(gateway: Gateway):
    gateway.add("groq")
    limited(rpm_limit=1)
    await ask(gateway)

    refused = await ask(gateway)

    assert (refused.status, isinstance(refused.json["error"], str)) == (429, True)
    assert int(refused.headers["retry-after"]) >= 1
