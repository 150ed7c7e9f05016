"""Text that goes on: on every wire, whole and streamed, in OpenAI's older shape."""

import asyncio
from typing import Any

import pytest

from tests.completions.conftest import CODER, FIXTURES, PATH, ask, read
from tests.gateway.conftest import Gateway, until, use_key
from tests.gateway.scripted import Scripted, answered, frames

WIRES = ("groq", "mistral", "gemini", "cohere", "openrouter")
HELLO = "Once upon a time"


def sent(gateway: Gateway) -> Any:
    return gateway.fake.journal[-1].body


@pytest.mark.parametrize("provider", WIRES)
async def test_a_prompt_is_what_a_user_says(gateway: Gateway, provider: str, stream: bool):
    gateway.add(provider)

    answer = await ask(gateway, model="freeai-auto", stream=stream, max_tokens=50)

    [choice] = read(answer, stream=stream)
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert choice["text"]
    assert HELLO in str(sent(gateway))
    assert answer.headers["x-freeai-provider"] == provider


async def test_streams_and_whole_answers_agree(gateway: Gateway):
    gateway.add("groq")

    whole, streamed = await ask(gateway), await ask(gateway, stream=True)

    assert read(whole, stream=False) == read(streamed, stream=True)


async def test_the_answer_is_openais_and_says_who_answered(gateway: Gateway):
    gateway.add("groq")

    body = (await ask(gateway, model="freeai-auto")).json

    assert body["id"].startswith("cmpl-")
    assert (body["object"], body["model"], body["provider"], body["real_model"]) == (
        *("text_completion", "freeai-auto", "groq", "ok"),
    )
    assert (body["strategy_used"], body["fallback_chain"]) == ("auto", ["groq"])
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )
    assert body["choices"][0]["logprobs"] is None
    assert [event.endpoint for event in gateway.events()] == ["completions"]


async def test_usage_comes_in_a_last_frame_where_it_was_asked_for(gateway: Gateway):
    gateway.add("groq")

    asked = (await ask(gateway, stream=True, stream_options={"include_usage": True})).events
    unasked = (await ask(gateway, stream=True)).events

    assert (asked[-2]["choices"], asked[-2]["usage"]["total_tokens"] > 0) == ([], True)
    assert [frame["usage"] for frame in asked[:-2]] == [None] * (len(asked) - 2)
    assert not any("usage" in frame for frame in unasked[:-1])
    assert asked[-2]["fallback_chain"] == unasked[-2]["fallback_chain"] == ["groq"]


async def test_several_prompts_are_answered_in_their_order(gateway: Gateway):
    gateway.add("openai", capabilities={"n"})

    answer = await ask(gateway, prompt=["One", "Two", "Three"], n=2)

    choices = read(answer, stream=False)
    assert [choice["index"] for choice in choices] == list(range(6))
    assert [entry.body["messages"][-1]["content"] for entry in gateway.fake.journal] == [
        "One",
        "Two",
        "Three",
    ]
    events = gateway.events()
    assert len({event.request_uuid for event in events}) == len(events) == 3
    assert len({event.request_id for event in events}) == 1
    assert answer.json["usage"]["prompt_tokens"] == sum(event.prompt_tokens for event in events)


async def test_of_several_prompts_the_first_that_nobody_serves_ends_all(gateway: Gateway):
    gateway.add("groq")
    gateway.fake.script("groq", ["ok", "error_500", "ok"])

    answer = await ask(gateway, prompt=["One", "Two", "Three"])

    assert answer.status == 502
    assert len(gateway.events()) == 2
    assert await gateway.open_grants() == 0


async def test_an_echo_begins_with_the_prompt(gateway: Gateway, stream: bool):
    gateway.add("groq")

    [plain] = read(await ask(gateway, stream=stream), stream=stream)
    [echoed] = read(await ask(gateway, stream=stream, echo=True), stream=stream)

    assert echoed["text"] == HELLO + plain["text"]


@pytest.mark.parametrize(
    ("model", "reason"),
    [("length", "length"), ("tool_call", "stop"), ("filtered_after_content", "content_filter")],
)
async def test_an_answer_ends_in_the_words_of_this_surface(gateway: Gateway, model: str, reason: str):
    gateway.add("groq", model)

    answer = await ask(gateway)

    if answer.status == 200:
        assert read(answer, stream=False)[0]["finish_reason"] == reason
    else:
        assert answer.error["code"] == reason


@pytest.mark.parametrize("stream", [False, True])
async def test_log_probabilities_are_told_token_by_token(gateway: Gateway, upstream: Scripted, stream: bool):
    gateway.add("openai", base_url=upstream.url, capabilities={"logprobs"})
    told = {
        "content": [
            {"token": "Hi", "logprob": -0.1, "top_logprobs": [{"token": "Hi", "logprob": -0.1}]},
            {"token": " you", "logprob": -0.2, "top_logprobs": []},
        ]
    }
    choice: dict[str, Any] = {"index": 0, "logprobs": told, "finish_reason": "stop"}
    upstream.steps = (
        answered({"choices": [{**choice, "message": {"role": "assistant", "content": "Hi you"}}]})
        if not stream
        else answered(frames({"choices": [{**choice, "delta": {"content": "Hi you"}}]}) + b"data: [DONE]\n\n")
    )

    answer = await ask(gateway, logprobs=2, stream=stream)

    body = answer.events[0] if stream else answer.json
    assert body["choices"][0]["logprobs"] == {
        "tokens": ["Hi", " you"],
        "token_logprobs": [-0.1, -0.2],
        "top_logprobs": [{"Hi": -0.1}, {}],
        "text_offset": [0, 2],
    }
    assert b'"logprobs":true' in upstream.requests[0]
    assert b'"top_logprobs":2' in upstream.requests[0]


async def test_log_probabilities_only_of_candidates_that_tell_them(gateway: Gateway):
    gateway.add("groq")

    answer = await ask(gateway, logprobs=0)

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")


async def test_falls_back_before_content_and_tells_of_a_break_after_it(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500")
    gateway.add("mistral")

    answer = await ask(gateway, stream=stream)

    assert read(answer, stream=stream)[0]["text"]
    assert answer.headers["x-freeai-fallbacks"] == "1"


async def test_a_stream_that_breaks_ends_with_an_error_in_openais_shape(gateway: Gateway):
    gateway.add("groq", "cut")

    *_, error, done = (await ask(gateway, stream=True)).events

    assert (error["error"]["type"], done) == ("api_error", "[DONE]")
    assert error["error"]["message"].endswith("Please try again later.")


async def test_a_client_that_leaves_ends_the_call_and_its_reservation(gateway: Gateway):
    gateway.add("groq", "frames_200_20")
    exchange = gateway.client.begin("POST", PATH, b'{"prompt": "def f(", "stream": true}')
    parts = exchange.parts()
    await anext(parts)

    await exchange.leave()

    await until(lambda: not gateway.fake.open_requests, seconds=1.0)
    assert await gateway.open_grants() == 0
    assert [event.outcome for event in gateway.events()] == ["cancelled"]


async def test_needs_a_key_that_may_chat(gateway: Gateway):
    gateway.add("groq")
    use_key(allowed_endpoints=frozenset({"embeddings"}))

    assert (await ask(gateway)).status == 403
    gateway.client.key = "fai_" + "x" * 43
    assert (await ask(gateway)).status == 401


@pytest.mark.parametrize("name", sorted(FIXTURES))
async def test_what_real_clients_send_is_served(gateway: Gateway, name: str):
    gateway.add("mistral", CODER, capabilities={"fim"})
    body = FIXTURES[name]["body"]

    answer = await ask(gateway, **{"suffix": ..., **body})

    assert read(answer, stream=bool(body.get("stream")))[0]["text"]


@pytest.mark.parametrize("provider", WIRES)
async def test_what_a_real_client_sends_is_said_on_every_wire(gateway: Gateway, provider: str, stream: bool):
    gateway.add(provider)
    body = FIXTURES["aisdk-completions-prompt"]["body"] | {"model": "freeai-auto", "stream": stream}

    answer = await ask(gateway, **{"suffix": ..., **body})

    assert read(answer, stream=stream)[0]["text"]
    assert gateway.fake.journal[-1].status == 200


async def test_many_at_once_do_not_mix(gateway: Gateway):
    gateway.add("groq", "echo")

    answers = await asyncio.gather(*[ask(gateway, prompt=f"Line {at}") for at in range(8)])

    assert [read(answer, stream=False)[0]["text"] for answer in answers] == [f"Line {at}" for at in range(8)]
