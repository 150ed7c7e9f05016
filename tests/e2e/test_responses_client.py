"""The official openai client's Responses API against a real server: whole, streamed, tools, typed output, conversations, errors."""

from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from fakes import FakeUpstream
from tests.e2e.server import Server

PARAMETERS: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": PARAMETERS,
    "strict": False,
}
FORECAST: Any = {"type": "custom", "name": "get_forecast", "description": "Of a city."}


@pytest.fixture(scope="module")
def client(serving: Server, upstream: FakeUpstream) -> OpenAI:
    """Groq and Gemini with keys, pointed at the fakes."""
    for name in ("groq", "gemini"):
        moved = serving.api("PATCH", f"providers/{name}", json={"base_url": upstream.url(name)})
        assert moved.status_code == 200, moved.text
        keyed = serving.api("PATCH", f"me/providers/{name}", json={"api_key": f"key-of-{name}-0123456789"})
        assert keyed.status_code == 200, keyed.text
    return OpenAI(base_url=f"{serving.url}/v1", api_key=serving.client_key, max_retries=0)


def extra(provider: str) -> dict[str, Any]:
    return {"preferred_provider": provider}


@pytest.mark.parametrize("provider", ["groq", "gemini"])
def test_whole_and_streamed_answers_are_the_same(client: OpenAI, upstream: FakeUpstream, provider: str):
    asked: dict[str, Any] = {
        "model": "freeai-auto",
        "input": "Weather in Rome and Oslo?",
        "tools": [WEATHER, FORECAST],
        "reasoning": {"summary": "auto"},
        "extra_body": extra(provider),
    }
    upstream.script(provider, ["parallel_tools", "parallel_tools"])

    whole = client.responses.create(**asked)
    with client.responses.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_response()

    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert [item.type for item in whole.output] == ["function_call", "custom_tool_call"]
    assert [alike(item) for item in streamed.output] == [alike(item) for item in whole.output]
    assert (whole.model, whole.model_extra and whole.model_extra["provider"]) == ("freeai-auto", provider)
    assert whole.usage and streamed.usage
    assert whole.usage.total_tokens == streamed.usage.total_tokens > 0


def alike(item: Any) -> dict[str, Any]:
    """Without what differs from call to call, and what the client's helper adds."""
    return item.model_dump(exclude={"id", "call_id", "parsed_arguments"}, exclude_none=True)


@pytest.mark.parametrize("behaviour", ["ok", "reasoning", "text_and_tool", "length"])
def test_every_stream_is_read_to_its_end(client: OpenAI, upstream: FakeUpstream, behaviour: str):
    upstream.script("groq", [behaviour])

    events = list(
        client.responses.create(
            model="freeai-auto",
            input="Hello",
            tools=[WEATHER],
            stream=True,
            reasoning={"summary": "auto"},
            extra_body=extra("groq"),
        )
    )

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == ("response.incomplete" if behaviour == "length" else "response.completed")
    assert events[-1].response.usage


@pytest.mark.parametrize("provider", ["groq", "gemini"])
def test_tools_are_called_and_answered_in_a_conversation(
    client: OpenAI, upstream: FakeUpstream, provider: str
):
    upstream.script(provider, ["tool_call", "ok"])
    first = client.responses.create(
        model="freeai-auto", input="Weather in Rome?", tools=[WEATHER], extra_body=extra(provider)
    )
    (call,) = first.output
    assert call.type == "function_call"

    second = client.responses.create(
        model="freeai-auto",
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny, 24 °C"}],
        tools=[WEATHER],
        extra_body=extra(provider),
    )

    assert second.output_text
    assert second.previous_response_id == first.id
    assert client.responses.retrieve(second.id).output_text == second.output_text
    listed = client.responses.input_items.list(second.id, order="asc")
    assert [item.type for item in listed] == ["message", "function_call", "function_call_output"]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(second.id)


def test_typed_output(client: OpenAI):
    class Word(BaseModel):
        word: str

    answer = client.responses.with_raw_response.create(
        model="groq/openai/gpt-oss-120b",
        input="A word, please.",
        text={
            "format": {
                "type": "json_schema",
                "name": "word",
                "schema": Word.model_json_schema() | {"additionalProperties": False},
                "strict": True,
            }
        },
    )

    assert answer.parse().status == "completed"
    assert answer.headers["x-freeai-provider"] == "groq"


def test_tokens_are_counted(client: OpenAI):
    counted = client.responses.input_tokens.count(model="freeai-auto", input="word " * 100)

    assert counted.input_tokens > 100


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"input": []}, openai.BadRequestError),
        ({"model": "gpt-nonsense"}, openai.NotFoundError),
        ({"temperature": 9}, openai.BadRequestError),
        ({"previous_response_id": "resp_x"}, openai.BadRequestError),
    ],
)
def test_errors_are_the_right_exceptions(client: OpenAI, fields: dict, error: type[Exception]):
    request: Any = {"model": "freeai-auto", "input": "Hello", **fields}

    with pytest.raises(error):
        client.responses.create(**request)


def test_a_stream_that_breaks_off_says_so(client: OpenAI):
    *_, last = client.responses.create(model="sandbox/cut", input="Hello", stream=True)

    assert last.type == "response.failed"
    assert last.response.error
    assert last.response.error.code == "server_error"
