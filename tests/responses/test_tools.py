"""Tools of the Responses API through the whole gateway: every kind, on every wire, and back in the client's words."""

from typing import Any

import orjson
import pytest

from apps.gateway.endpoints.responses.wire.names import LONGEST, flat
from tests.gateway.conftest import Gateway
from tests.responses.conftest import FORECAST, TOOL, ask, kinds, response_of, sent
from tests.responses.events import Reader

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PATCH = {
    "type": "custom",
    "name": "get_weather",
    "description": "Of a city.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
AGENTS = {"type": "namespace", "name": "agents", "description": "Of agents.", "tools": [TOOL, FORECAST]}


async def test_headers_are_those_of_chat_and_hosted_tools_are_named(gateway: Gateway, stream: bool):
    gateway.add("groq")
    tools = [TOOL, {"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}]

    answer = await ask(gateway, stream=stream, tools=tools, metadata={"a": "b"})

    response = Reader().read(answer.body).response if stream else answer.json
    assert answer.headers["x-freeai-provider"] == "groq"
    assert answer.headers["x-freeai-dropped"].split(", ")[:2] == ["web_search", "code_interpreter"]
    assert response["metadata"] == {"a": "b", "freeai_dropped": "web_search, code_interpreter"}
    assert response["tools"] == tools
    assert [tool["function"]["name"] for tool in sent(gateway)["tools"]] == ["get_weather"]


@pytest.mark.parametrize("choice", ["auto", "none"])
async def test_a_hosted_tool_alone_leaves_no_empty_list(gateway: Gateway, choice: str):
    gateway.add("groq")

    answer = await ask(gateway, tools=[{"type": "web_search"}], tool_choice=choice, parallel_tool_calls=True)

    assert answer.status == 200
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & sent(gateway).keys()


async def test_what_a_tool_left_that_somebody_hosted_is_left_out(gateway: Gateway):
    gateway.add("groq")
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "x"}}

    answer = await ask(gateway, input=[search, {"role": "user", "content": "So?"}])

    assert answer.headers["x-freeai-dropped"] == "web_search_call"
    assert sent(gateway)["messages"] == [{"role": "user", "content": "So?"}]


@pytest.mark.parametrize("provider", ["groq", "gemini", "cohere", "mistral"])
async def test_tools_their_results_and_the_answer(gateway: Gateway, provider: str, stream: bool):
    gateway.add(provider)
    gateway.fake.script(provider, ["parallel_tools", "ok"])
    question = {"role": "user", "content": "Rome and Oslo?"}
    tools = [PATCH, FORECAST]
    called = await response_of(gateway, stream=stream, input=[question], tools=tools)
    first, second = called["output"]
    picture = [{"type": "input_text", "text": "of Oslo"}, {"type": "input_image", "image_url": PIXEL}]
    history = [
        *[question, first, second],
        {"type": "function_call_output", "call_id": second["call_id"], "output": picture},
        {"type": "custom_tool_call_output", "call_id": first["call_id"], "output": "of Rome"},
        {"role": "user", "content": "Well?"},
    ]

    answered = await response_of(gateway, stream=stream, input=history, tools=tools)

    assert kinds(called) == ["custom_tool_call", "function_call"]
    assert (first["name"], second["name"], second["arguments"]) == (
        "get_weather",
        "get_forecast",
        '{"city":"Oslo"}',
    )
    assert "namespace" not in second
    assert kinds(answered) == ["message"]
    text = orjson.dumps(sent(gateway)).decode()
    assert text.index("of Rome") < text.index("of Oslo") < text.index("Well?")
    assert PIXEL.partition(",")[2] in text


@pytest.mark.parametrize("provider", ["groq", "gemini", "cohere", "mistral"])
async def test_a_namespace_is_one_name_upstream_and_two_for_the_client(
    gateway: Gateway, provider: str, stream: bool
):
    gateway.add(provider, capabilities={"tools", "forced_tools"})
    gateway.fake.script(provider, ["parallel_tools", "tool_call"])
    question = {"role": "user", "content": "Rome and Oslo?"}
    choice = {"type": "function", "name": "get_weather", "namespace": "agents"}

    called = await response_of(gateway, stream=stream, input=[question], tools=[AGENTS])
    names = [call["name"] for call in called["output"]]
    spaces = [call["namespace"] for call in called["output"]]
    results = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": "x"}
        for call in called["output"]
    ]
    answered = await response_of(
        gateway,
        stream=stream,
        input=[question, *called["output"], *results],
        tools=[AGENTS],
        tool_choice=choice,
    )

    assert (names, spaces) == (["get_weather", "get_forecast"], ["agents", "agents"])
    assert answered["output"][0]["namespace"] == "agents"
    assert (answered["tools"], answered["tool_choice"]) == ([AGENTS], choice)
    text = orjson.dumps(sent(gateway)).decode()
    assert text.count('"agents__get_weather"') >= 2
    assert "namespace" not in text


def test_long_names_stay_apart():
    names = {flat(f"{'n' * 70}{at}", "mcp__server__") for at in range(50)}

    assert len(names) == 50
    assert {len(name) for name in names} == {LONGEST}
    assert flat("read", "mcp__files__") == "mcp__files__read"


@pytest.mark.parametrize(
    ("choice", "upstream"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "name": "get_forecast"}, {"type": "function", "function": {"name": "get_forecast"}}),
        ({"type": "custom", "name": "get_weather"}, {"type": "function", "function": {"name": "get_weather"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_forecast"}]}, "required"),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}, "none"),
    ],
)  # fmt: skip
async def test_which_tool_is_chosen(gateway: Gateway, choice: Any, upstream: Any):
    gateway.add("groq", "tool_call", capabilities={"tools", "forced_tools"})

    answer = await ask(gateway, tools=[PATCH, FORECAST, {"type": "web_search"}], tool_choice=choice)

    assert answer.status == 200, answer.body
    assert sent(gateway)["tool_choice"] == upstream
    if isinstance(choice, dict) and choice.get("mode") == "required":
        assert [tool["function"]["name"] for tool in sent(gateway)["tools"]] == ["get_forecast"]


async def test_tools_that_were_found_on_the_way_can_be_called(gateway: Gateway, stream: bool):
    gateway.add("groq", "tool_call")
    found = {"type": "tool_search_output", "call_id": "call_1", "execution": "client", "tools": [TOOL]}
    search = {"type": "tool_search_call", "call_id": "call_1", "execution": "client", "arguments": {}}
    history = [{"role": "user", "content": "Rome?"}, search, found]

    response = await response_of(gateway, stream=stream, input=history, tools=[{"type": "tool_search"}])

    assert response["output"][0]["name"] == "get_weather"
