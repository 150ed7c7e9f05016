"""Tools: calls, several at once, their results, and the answer to them."""

from typing import Any

import pytest

from fakes.answers import PIECES_OF_OK, words
from tests.contract.candidates import Candidate, able
from tests.contract.served import ask, both_ways, sent_text
from tests.gateway.conftest import Gateway

QUESTION = {"role": "user", "content": "How is the weather in Rome and in Oslo?"}
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def tool(name: str) -> dict[str, Any]:
    function = {"name": name, "description": "Of a city.", "parameters": PARAMETERS}
    return {"type": "function", "function": function}


TOOLS = [tool("get_weather"), tool("get_forecast")]
NAMES = [
    "mcp__fs__read-file",
    "mcp.fs/read file",
    "mcp__a_server_with_a_long_name__and_a_tool_with_a_name_as_long_as_that",
]
RESULT = '{"degrees": 31}'
ROME, OSLO = {"city": "Rome"}, {"city": "Oslo"}


@both_ways
@pytest.mark.parametrize(
    ("behaviour", "calls", "text"),
    [
        ("tool_call", [("get_weather", ROME)], ""),
        ("parallel_tools", [("get_weather", ROME), ("get_forecast", OSLO)], ""),
        ("text_and_tool", [("get_weather", ROME)], "".join(words(0, 4))),
    ],
)
@able("tools")
async def test_calls_arrive_with_their_arguments(
    gateway: Gateway, candidate: Candidate, behaviour: str, calls: list[Any], text: str, stream: bool
):
    served = await ask(gateway, candidate, behaviour, stream=stream, messages=[QUESTION], tools=TOOLS)

    assert served.only.calls == calls
    plans = candidate.provider == "cohere"  # what it says before its calls is a plan, and no answer
    assert (served.only.reasoning if plans else served.only.content) == text
    assert served.only.content == ("" if plans else text)
    assert served.only.finish == "tool_calls"
    ids = [call["id"] for call in served.only.message["tool_calls"]]
    assert all(ids)
    assert len(set(ids)) == len(ids)


@both_ways
@pytest.mark.parametrize("behaviour", ["tool_call", "parallel_tools"])
@able("tools")
async def test_results_of_calls_lead_to_an_answer(
    gateway: Gateway, candidate: Candidate, behaviour: str, stream: bool
):
    called = await ask(gateway, candidate, behaviour, stream=stream, messages=[QUESTION], tools=TOOLS)
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": RESULT}
        for call in called.only.message["tool_calls"]
    ]

    history = [QUESTION, called.only.message, *results]
    answered = await ask(gateway, candidate, "ok", stream=stream, messages=history, tools=TOOLS)

    assert answered.only.content == "".join(words(0, PIECES_OF_OK))
    assert answered.only.finish == "stop"
    assert sent_text(gateway).count("degrees") == len(results)


@both_ways
@able("tools")
async def test_tools_of_any_name_are_called_by_it(gateway: Gateway, candidate: Candidate, stream: bool):
    """Names as MCP clients send them: some upstreams refuse the characters, some the length."""
    tools = [tool(name) for name in NAMES]

    called = await ask(gateway, candidate, "parallel_tools", stream=stream, messages=[QUESTION], tools=tools)
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": RESULT, "name": call["function"]["name"]}
        for call in called.only.message["tool_calls"]
    ]
    history = [QUESTION, called.only.message, *results]
    again = await ask(gateway, candidate, "tool_call", stream=stream, messages=history, tools=tools)

    assert [name for name, _ in called.only.calls] == NAMES[:2]
    assert [name for name, _ in again.only.calls] == NAMES[:1]


@both_ways
@able("forced_tools")
async def test_a_demanded_tool_is_demanded_by_the_name_that_the_provider_knows(
    gateway: Gateway, candidate: Candidate, stream: bool
):
    demanded = {"type": "function", "function": {"name": NAMES[0]}}

    called = await ask(
        gateway, candidate, "tool_call", stream=stream, tools=[tool(NAMES[0])], tool_choice=demanded
    )

    assert [name for name, _ in called.only.calls] == NAMES[:1]


@able("tools", when=lambda candidate: candidate.counts_streams)
async def test_usage_of_calls_is_the_same_streamed_or_whole(gateway: Gateway, candidate: Candidate):
    whole = await ask(gateway, candidate, "parallel_tools", stream=False, tools=TOOLS)
    streamed = await ask(gateway, candidate, "parallel_tools", stream=True, tools=TOOLS)

    assert streamed.usage == whole.usage
