"""POST /v1/responses through the whole gateway: what is served, what goes upstream, what fails and how it is told."""

from typing import Any

import orjson
import pytest

from apps.core import clock
from apps.gateway.answering import stream as streaming
from apps.gateway.endpoints.responses.wire import thoughts
from apps.gateway.wire.errors import AGAIN
from apps.providers.types import Preset
from tests.gateway.conftest import Gateway, use_key
from tests.responses.conftest import SEALED, TOOL, ask, body, kinds, response_of, sent
from tests.responses.events import Reader


async def test_a_response_says_who_answered(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    response = await response_of(gateway, stream=stream, model="freeai-code", metadata={"a": "b"}, user="ann")

    event = gateway.events()[-1]
    assert response["id"] == f"resp_{event.id}"
    assert response["model"] == "freeai-code"
    assert (response["provider"], response["real_model"], response["strategy_used"]) == (
        "mistral",
        "ok",
        "coding",
    )
    assert response["fallback_chain"] == ["groq", "mistral"]
    assert response["latency_ms"] >= 0
    assert response["usage"]["input_tokens"] == event.prompt_tokens
    assert response["usage"]["output_tokens"] == event.completion_tokens
    assert (response["metadata"], response["user"], response["store"]) == ({"a": "b"}, "ann", True)
    assert (event.endpoint, event.virtual_model) == ("responses", "freeai-code")
    assert await gateway.open_grants() == 0


async def test_options_go_upstream_in_chats_words(gateway: Gateway):
    gateway.add("groq", "openai/gpt-oss-120b", capabilities={"json_schema", "reasoning"})
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}

    answer = await ask(
        gateway,
        instructions="Be brief.",
        max_output_tokens=100,
        temperature=0.5,
        top_p=0.9,
        reasoning={"effort": "xhigh"},
        text={"format": {"type": "json_schema", "name": "x", "schema": schema, "strict": True}},
    )

    assert answer.status == 200, answer.body
    body = sent(gateway)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["temperature"], body["top_p"], body["reasoning_effort"]) == (0.5, 0.9, "high")
    assert 100 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["response_format"]["json_schema"] == {"name": "x", "schema": schema, "strict": True}
    response = answer.json
    assert (response["instructions"], response["max_output_tokens"]) == ("Be brief.", 100)
    assert (response["temperature"], response["top_p"]) == (0.5, 0.9)
    assert response["reasoning"]["effort"] == "xhigh"
    assert response["text"]["format"]["name"] == "x"


async def test_a_ceiling_above_the_models_own_is_cut(gateway: Gateway):
    gateway.add("mistral", max_output_tokens=8192)

    answer = await ask(gateway, max_output_tokens=64_000)

    assert answer.status == 200
    assert sent(gateway)["max_tokens"] == 8192


async def test_thoughts_are_shown_to_who_asks_and_sealed_for_who_asks(gateway: Gateway, stream: bool):
    gateway.add("groq", "reasoning")

    silent = await response_of(gateway, stream=stream)
    shown = await response_of(gateway, stream=stream, reasoning={"summary": "auto"})
    sealed = await response_of(gateway, stream=stream, include=[SEALED])

    assert kinds(silent) == kinds(shown) == kinds(sealed) == ["reasoning", "message"]
    assert (silent["output"][0]["summary"], silent["output"][0]["encrypted_content"]) == ([], None)
    (summary,) = shown["output"][0]["summary"]
    assert summary["text"]
    assert shown["output"][0]["encrypted_content"] is None
    assert sealed["output"][0]["summary"] == []
    assert thoughts.opened(sealed["output"][0]["encrypted_content"], 7) == summary["text"]


async def test_a_thought_comes_back_to_models_that_take_it_from_its_own_key_alone(gateway: Gateway):
    takes = frozenset({"role", "content", "tool_calls", "reasoning_content"})
    gateway.add("vllm", "reasoning", preset=Preset(message_fields={"assistant": takes}))
    asked: list[Any] = [{"role": "user", "content": "Hm?"}]
    first = await response_of(gateway, stream=False, input=asked, include=[SEALED], store=False)
    history = [*asked, *first["output"], {"role": "user", "content": "And?"}]

    await ask(gateway, input=history, store=False)
    own = sent(gateway)["messages"]
    use_key(client_id=8)
    await ask(gateway, input=history, store=False)
    others = sent(gateway)["messages"]

    thought = str(thoughts.opened(first["output"][0]["encrypted_content"], 7))
    assert [message["role"] for message in own] == ["user", "assistant", "user"]
    assert own[1]["reasoning_content"] == thought
    assert thought not in orjson.dumps(others).decode()


async def test_log_probabilities_come_where_they_are_asked_for(gateway: Gateway):
    gateway.add("vllm", "ok", capabilities={"logprobs"})

    answer = await ask(gateway, include=["message.output_text.logprobs"], top_logprobs=2)

    assert answer.status == 200, answer.body
    assert (sent(gateway)["logprobs"], sent(gateway)["top_logprobs"]) == (True, 2)


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        ("ok", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("tool_call", "completed", None),
    ],
)
async def test_how_answers_end(
    gateway: Gateway, behaviour: str, status: str, reason: str | None, stream: bool
):
    gateway.add("groq", behaviour)

    response = await response_of(gateway, stream=stream, tools=[TOOL])

    assert (response["status"], (response["incomplete_details"] or {}).get("reason")) == (status, reason)


async def test_what_a_filter_stopped(gateway: Gateway):
    gateway.add("groq", "filtered_after_content")

    response = Reader().read((await ask(gateway, stream=True)).body).response

    assert response["incomplete_details"] == {"reason": "content_filter"}


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        ("error_500", 502, "upstream_failed"),
        ("error_429", 429, "quota_exhausted"),
        ("error_400", 400, None),
        ("stall_headers", 504, "upstream_timeout"),
    ],
)
async def test_failures_before_content(
    gateway: Gateway, behaviour: str, status: int, code: str | None, stream: bool
):
    gateway.configure(stream_idle_timeout_s=0.2, response_timeout_s=0.2, first_content_timeout_s=0.2)
    gateway.add("groq", behaviour)

    answer = await ask(gateway, stream=stream)

    assert answer.status == status
    assert answer.error["provider"] == "groq"
    assert code is None or answer.error["code"] == code


async def test_a_stream_that_breaks_off_has_failed_and_its_repetition_is_served(gateway: Gateway):
    gateway.add("groq", "ok")
    gateway.add("mistral", "ok", weight=1)
    gateway.fake.script("groq", ["cut"])

    broken = Reader().read((await ask(gateway, stream=True)).body)
    repeated = await ask(gateway)

    error = broken.response["error"]
    assert (error["code"], error["provider"]) == ("server_error", "groq")
    assert error["message"].endswith(AGAIN)
    assert broken.response["output"][0]["status"] == "in_progress"
    assert broken.kinds[-1] == "response.failed"
    assert repeated.status == 200
    assert await gateway.open_grants() == 0


async def test_a_quiet_stream_has_comments_and_falls_back(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "QUIET_S", 0.1)
    monkeypatch.setattr(streaming, "COMMENT_INTERVAL_S", 0.1)
    gateway.configure(stream_idle_timeout_s=0.4)
    gateway.add("groq", "stall")
    gateway.add("mistral", "ok")

    answer = await ask(gateway, stream=True)

    assert answer.body.startswith(b": keep-alive\n\n")
    assert Reader().read(answer.body).response["provider"] == "mistral"


async def test_all_fail_behind_the_comments(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    gateway.add("groq", "error_500")

    answer = await ask(gateway, stream=True, model="freeai-fast")

    reader = Reader().read(answer.body)
    assert (answer.status, reader.kinds[-1]) == (200, "response.failed")
    assert (reader.response["model"], reader.response["output"]) == ("freeai-fast", [])


async def test_a_client_that_leaves_costs_what_it_got(gateway: Gateway):
    gateway.add("groq", "frames_500_20")
    exchange = gateway.client.begin("POST", "/v1/responses", body(stream=True))
    async for part in exchange.parts():
        if b"output_text.delta" in part:
            break

    await exchange.leave()

    (event,) = gateway.events()
    assert (event.outcome, event.endpoint) == ("cancelled", "responses")
    assert await gateway.open_grants() == 0
    assert await gateway.runtime.kept_answers.size(clock.now()) == 0


async def test_the_decision_comes_with_the_answer(gateway: Gateway, stream: bool):
    gateway.add("groq")

    answer = await gateway.client.request(
        "POST", "/v1/responses", body(stream=stream), {"x-freeai-explain": "1"}
    )

    response = Reader().read(answer.body).response if stream else answer.json
    assert response["explain"]["candidates"][0]["provider"] == "groq"


async def test_names_of_models_mean_what_the_operators_table_says(gateway: Gateway):
    gateway.add("groq", "ok")
    gateway.configure(model_names="gpt-* = groq/ok")

    mapped = await ask(gateway, model="gpt-5.5")
    unmapped = await ask(gateway, model="o3")

    assert (mapped.status, mapped.json["model"], mapped.json["real_model"]) == (200, "gpt-5.5", "ok")
    assert (unmapped.status, unmapped.error["param"]) == (404, "model")


async def test_a_prompt_that_is_too_long_is_told_in_the_code_that_shortens_it(gateway: Gateway):
    gateway.add("groq", context_window=1000)

    answer = await ask(gateway, input="word " * 4000)

    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")


async def test_a_request_that_was_turned_away_is_counted(gateway: Gateway):
    gateway.add("groq")
    use_key(allowed_models=frozenset({"freeai-fast"}))

    answer = await ask(gateway, model="freeai-quality")

    assert answer.status == 403
    (refusal,) = gateway.refusals()
    assert (refusal.endpoint, refusal.model) == ("responses", "freeai-quality")


async def test_tokens_are_counted_without_a_provider(gateway: Gateway):
    path = "/v1/responses/input_tokens"
    short = (await ask(gateway, path)).json
    tools = (await ask(gateway, path, tools=[TOOL])).json
    long = (await ask(gateway, path, instructions="word " * 1000)).json

    assert short["input_tokens"] < tools["input_tokens"] < long["input_tokens"]
    assert long["input_tokens"] > 1250 * 1.1
