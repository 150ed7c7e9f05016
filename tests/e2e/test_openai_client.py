"""The official openai client against a real server: whole, streamed, tools, vision, errors as the right exceptions."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from fakes import FakeUpstream
from tests.e2e.server import Server

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def client(serving: Server, upstream: FakeUpstream) -> OpenAI:
    """Groq and Gemini with keys, pointed at the fakes; the sandbox has stepped aside."""
    for name in ("groq", "gemini"):
        moved = serving.api("PATCH", f"providers/{name}", json={"base_url": upstream.url(name)})
        assert moved.status_code == 200, moved.text
        keyed = serving.api("PATCH", f"me/providers/{name}", json={"api_key": f"key-of-{name}-0123456789"})
        assert keyed.status_code == 200, keyed.text
    return OpenAI(base_url=f"{serving.url}/v1", api_key=serving.client_key, max_retries=0)


@pytest.mark.parametrize("provider", ["groq", "gemini"])
def test_whole_answer(client: OpenAI, provider: str):
    answer = client.chat.completions.create(
        model="freeai-auto",
        messages=[{"role": "user", "content": "Hello"}],
        extra_body={"preferred_provider": provider},
    )

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage and answer.usage.total_tokens > 0
    assert answer.model == "freeai-auto"
    assert answer.model_extra and answer.model_extra["provider"] == provider


@pytest.mark.parametrize("provider", ["groq", "gemini"])
def test_streamed_answer(client: OpenAI, provider: str):
    stream = client.chat.completions.create(
        model="freeai-fast",
        messages=[{"role": "user", "content": "Hello"}],
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"preferred_provider": provider},
    )

    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage and chunks[-1].usage.total_tokens > 0
    assert all(chunk.model_extra and chunk.model_extra["provider"] == provider for chunk in chunks)


@pytest.mark.parametrize("provider", ["groq", "gemini"])
def test_tool_call_round_trip(client: OpenAI, upstream: FakeUpstream, provider: str):
    upstream.script(provider, ["tool_call", "ok"])
    messages: Any = [{"role": "user", "content": "Weather in Rome?"}]
    extra = {"preferred_provider": provider}

    first = client.chat.completions.create(
        model="freeai-auto", messages=messages, tools=[WEATHER], extra_body=extra
    )
    calls = first.choices[0].message.tool_calls
    assert calls and first.choices[0].finish_reason == "tool_calls"
    messages.append(first.choices[0].message.model_dump(exclude_none=True))
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "Sunny, 24 °C"} for call in calls]
    second = client.chat.completions.create(
        model="freeai-auto", messages=messages, tools=[WEATHER], extra_body=extra
    )

    assert second.choices[0].message.content
    assert second.model_extra and second.model_extra["fallback_chain"] == [provider]


def test_image_goes_to_a_vision_model(client: OpenAI):
    content: Any = [
        {"type": "text", "text": "Describe this"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]

    answer = client.chat.completions.create(
        model="freeai-auto", messages=[{"role": "user", "content": content}]
    )

    assert answer.model_extra and answer.model_extra["provider"] == "gemini"


def test_models_list(client: OpenAI):
    assert [model.id for model in client.models.list()][:2] == ["freeai-auto", "freeai-fast"]
    assert client.models.retrieve("freeai-long").owned_by == "freeai"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"messages": []}, openai.BadRequestError),
        ({"model": "gpt-nonsense"}, openai.NotFoundError),
        ({"temperature": 9}, openai.BadRequestError),
    ],
)
def test_errors_are_the_right_exceptions(client: OpenAI, fields: dict, error: type[Exception]):
    request: Any = {"model": "freeai-auto", "messages": [{"role": "user", "content": "Hello"}], **fields}

    with pytest.raises(error):
        client.chat.completions.create(**request)


def test_wrong_key_is_an_authentication_error(client: OpenAI):
    stranger = client.with_options(api_key="fai_" + "x" * 43)

    with pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model="freeai-auto", messages=[{"role": "user", "content": "Hello"}])


def test_spent_client_key_is_a_rate_limit_error(serving: Server, client: OpenAI):
    issued = serving.api("POST", "clients", json={"name": "small", "rpm_limit": 1}).json()
    small = client.with_options(api_key=issued["api_key"])

    first = small.chat.completions.with_raw_response.create(
        model="freeai-auto", messages=[{"role": "user", "content": "Hello"}]
    )
    with pytest.raises(openai.RateLimitError) as refused:
        small.chat.completions.create(model="freeai-auto", messages=[{"role": "user", "content": "Hello"}])

    assert first.headers["x-ratelimit-limit-requests"] == "1"
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert int(refused.value.response.headers["retry-after"]) >= 1


def test_revoked_key_stops_at_once(serving: Server, client: OpenAI):
    issued = serving.api("POST", "clients", json={"name": "short-lived"}).json()
    holder = client.with_options(api_key=issued["api_key"])
    holder.chat.completions.create(model="freeai-auto", messages=[{"role": "user", "content": "Hello"}])

    assert serving.api("DELETE", f"clients/{issued['key_hash']}").status_code == 204

    with pytest.raises(openai.AuthenticationError):
        holder.chat.completions.create(model="freeai-auto", messages=[{"role": "user", "content": "Hello"}])
