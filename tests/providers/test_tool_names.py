"""Tool names that an upstream refuses go out as others, and come back as they were."""

import re

import orjson
import pytest

from apps.providers.adapters.chat import codec_for, open_stream, parse
from apps.providers.adapters.shared.names import fitter
from apps.providers.types import Preset
from apps.providers.wires import ToolNames
from tests.factories import make_offer, make_request
from tests.providers.openai_wire import frame

LONG = "a" * 70
OPENAI = fitter(ToolNames())
NARROW = fitter(ToolNames(marks="", digit_first=False))


def tools(*names):
    return [{"type": "function", "function": {"name": name}} for name in names]


def asking(*names, **body):
    body = {"messages": [{"role": "user", "content": "Hi"}], "tools": tools(*names)} | body
    return make_request(body=body, needs=frozenset({"tools"}))


@pytest.mark.parametrize("name", ["get_weather", "mcp__fs__read-file", "a", "_", "9", "a" * 64])
def test_a_name_that_is_taken_stays(name):
    assert OPENAI.fit(name) == name


@pytest.mark.parametrize("name", ["mcp.fs", "read file", "größe", "天気", "a/b:c", LONG, "x" * 128, "."])
def test_any_other_becomes_one_that_is_taken_and_always_the_same(name):
    fitted = OPENAI.fit(name)

    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", fitted)
    assert OPENAI.fit(name) == fitted
    assert OPENAI.fit(fitted) == fitted


@pytest.mark.parametrize(
    ("name", "fitted"),
    [("mcp__fs__read-file", "mcp__fs__read_file"), ("2nd", "_2nd"), ("-a", "_a"), ("a.b", "a_b")],
)
def test_a_narrow_alphabet_changes_as_little_as_it_can(name, fitted):
    assert NARROW.fit(name) == fitted


def test_no_two_tools_of_a_request_get_one_name():
    names = ["a.b", "a b", "a_b", LONG, LONG + "b"]

    table = OPENAI.table({"tools": tools(*names)})

    assert len({table.get(name, name) for name in names}) == len(names)
    assert OPENAI.originals({"tools": tools(*names)}) == {fitted: name for name, fitted in table.items()}


def test_definitions_choice_and_history_agree():
    call = {"id": "c1", "type": "function", "function": {"name": "a.b", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
    ]
    request = asking("a b", "a.b", messages=messages, tool_choice=tools("a.b")[0])

    body = orjson.loads(codec_for(make_offer()).build(request, make_offer()).body)

    name = body["tools"][1]["function"]["name"]
    assert body["tools"][0]["function"]["name"] != name
    assert body["tool_choice"]["function"]["name"] == name
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == name


def test_an_answer_has_the_clients_name_whole_and_streamed():
    request, offer = asking("a.b", "plain"), make_offer(preset=Preset())
    calls = [
        {"id": str(at), "type": "function", "function": {"name": name, "arguments": "{}"}}
        for at, name in enumerate(("a_b", "plain"))
    ]
    choice = {"index": 0, "message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}

    whole = parse(orjson.dumps({"choices": [choice]}), request, offer)
    stream = open_stream(request, offer)
    deltas = [{"index": at, **call} for at, call in enumerate(calls)]
    chunks = (
        stream.feed(frame({"tool_calls": deltas}) + frame({}, "tool_calls") + b"data: [DONE]\n\n")
        + stream.finish()
    )

    said = [call["function"]["name"] for call in whole.choices[0]["message"]["tool_calls"]]
    streamed = [
        call["function"]["name"]
        for chunk in chunks
        for part in chunk.choices
        for call in part["delta"].get("tool_calls", ())
        if "name" in call["function"]
    ]
    assert (said, streamed, stream.done) == (["a.b", "plain"], ["a.b", "plain"], True)
