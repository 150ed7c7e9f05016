"""Entries of tool calls that are none, and arguments that stand in the place of those that come: no client is told of a call that nobody
made, and none gets lost."""

from typing import Any

import orjson
import pytest

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer

from .openai_wire import frame, joined, read
from .test_finishes_and_calls import call, calls
from .test_nearly_json import COHERE, GEMINI, OPENAI
from .test_odd_calls import ALL, HALF, LOST, REST, F, Made, made, streamed_and_whole

NAMELESS = {"name": "", "arguments": ""}

PLACEHOLDERS: list[tuple[list[list[dict[str, Any]]], Made]] = [
    ([[call("f", "{}", id="a", index=0)], [call(None, HALF, index=0)], [call(None, REST, index=0)]], F),
    ([[call("f", "{}", id="a", index=0)], [call(None, ALL, id="a", index=0)]], F),
    ([[call("f", "{}", id="a", index=0)], [call("f", ALL, id="a", index=0)]], F),
    ([[call("f", "{}", index=0)], [call("f", HALF, index=0)], [call(None, REST, index=0)]], F),
    ([[call("f", "null", id="a", index=0)], [call(None, ALL, index=0)]], F),
    ([[call("f", " {} ", id="a", index=0)], [call(None, "{}", index=0)], [call(None, ALL, index=0)]], F),
    ([[call("f", "{}", id="a", index=0)], [call(None, "", index=0)]], [("f", "{}")]),
    ([[call("f", "{}", id="a", index=0)], [call("f", "{}", id="b", index=0)]], [("f", "{}")] * 2),
    ([[call("f", "{}", id="a", index=0)], [call("g", ALL, id="b", index=0)]], [("f", "{}"), ("g", ALL)]),
    ([[call("f", "{}", index=0)], [call("g", ALL, index=0)]], [("f", "{}"), ("g", ALL)]),
    ([[call("f", "{}")], [call("f", ALL)]], [("f", "{}"), *F]),
    ([[call("f", "{}", id="a", index=0)], [call("f", "{}", id="b", index=1)]], [("f", "{}")] * 2),
]


@pytest.mark.parametrize(("frames", "told"), PLACEHOLDERS)
def test_an_empty_object_may_stand_for_arguments_that_come(frames: list[list[dict[str, Any]]], told: Made):
    assert made(*frames) == told


LATE: list[tuple[list[list[dict[str, Any]]], Made]] = [
    ([[{"index": 0, "id": "a"}], [call("f", "", index=0)], [call(None, ALL, index=0)]], F),
    ([[call(None, HALF, id="a", index=0)], [call("f", REST, index=0)]], F),
    ([[call("", "", id="a", index=0)], [call("f", ALL, id="a", index=0)]], F),
    ([[{"index": 0, "id": "a"}], [call("g", ALL, id="b", index=1)]], [("g", ALL)]),
    ([[call("", "", id="", index=0)], [call("f", ALL, id="b", index=1)]], F),
]


@pytest.mark.parametrize(("frames", "told"), LATE)
def test_a_call_is_told_of_from_its_name_on(frames: list[list[dict[str, Any]]], told: Made):
    assert made(*frames) == told

    deltas = [
        delta
        for chunk in read(*(frame({"tool_calls": entries}) for entries in frames), frame({}, "tool_calls"))
        for choice in chunk.choices
        for delta in choice["delta"].get("tool_calls", ())
    ]
    assert deltas[0]["function"]["name"] and deltas[0]["id"] and deltas[0]["type"] == "function"
    assert {delta["index"] for delta in deltas} == set(range(len(told)))


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"index": 0, "id": "", "type": "function", "function": NAMELESS},
        {"index": 0, "id": "a", "type": "function", "function": NAMELESS},
        {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": None}},
        {"index": 0, "id": "a", "function": {"name": "", "arguments": "{}"}},
        {"index": 0, "function": {}},
    ],
)
def test_an_entry_without_a_name_is_no_call(entry: dict[str, Any]):
    message, finish, _ = joined(read(frame({"content": "x", "tool_calls": [entry]}), frame({}, "tool_calls")))

    assert (message, finish) == ({"content": "x"}, "stop")


@pytest.mark.parametrize(
    ("offer", "said", "text"),
    [
        (OPENAI, {"content": "x", "tool_calls": [{"id": "a", "type": "function", "function": NAMELESS}]}, "x"),
        (OPENAI, {"content": "x", "function_call": NAMELESS}, "x"),
        (COHERE, {"content": "x", "tool_calls": [{"id": "a", "type": "function", "function": NAMELESS}]}, "x"),
        (GEMINI, {"parts": [{"text": "x"}, {"functionCall": {"name": "", "args": {}}}]}, "x"),
        (OPENAI, {"content": "x", "tool_calls": [{"id": "a", "function": {"arguments": ALL}}]}, LOST),
        (COHERE, {"content": "x", "tool_calls": [{"id": "a", "function": {"arguments": ALL}}]}, LOST),
        (GEMINI, {"parts": [{"text": "x"}, {"functionCall": {"args": {"x": 1}}}]}, LOST),
    ],
)  # fmt: skip
def test_a_nameless_call_is_left_out_or_an_error_on_every_wire(offer: Offer, said: Any, text: str | None):
    told: Any = LOST if text is None else (text, [])

    assert streamed_and_whole(offer, said) == [told, told]


def test_a_call_that_gets_another_name_is_an_error():
    body = frame({"tool_calls": [call("f", "", id="a", index=0)]})

    with pytest.raises(UpstreamError) as caught:
        read(body, frame({"tool_calls": [call("g", ALL, id="a", index=0)]}), frame({}, "stop"))

    assert caught.value.kind is ErrorKind.PARSING


def test_ids_stay_with_their_calls():
    first, second = calls([call("f", "{}", id="a", index=0)], [call("g", ALL, id="b", index=1)])

    assert (first, second) == (("a", "f", "{}"), ("b", "g", ALL))
    assert orjson.loads(second[2]) == {"x": 1}
