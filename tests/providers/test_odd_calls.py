"""Tool calls in odd shapes and fragments, on every wire: each arrives once, and what cannot be read is an error."""

from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS, parse
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer
from tests.factories import make_request

from .openai_wire import DONE, frame, text_frames
from .openai_wire import read as read_openai
from .test_finishes_and_calls import call, calls
from .test_nearly_json import COHERE, GEMINI, OPENAI

Made = list[tuple[str, str]]
HALF, REST, ALL = '{"x":', "1}", '{"x":1}'
F: Made = [("f", ALL)]
LOST = None  # what cannot be read: an error


def made(*frames: list[dict[str, Any]]) -> Made:
    """(name, arguments) of the calls that frames with these entries make."""
    return [(name, arguments) for _, name, arguments in calls(*frames)]


GROWING: list[tuple[list[list[dict[str, Any]]], Made]] = [
    ([[call("f", HALF, id="a", index=0)], [call(None, "1", id="a", index=1)], [call(None, "}", id="a", index=2)]], F),
    ([[call("f", HALF, id="a", index=0)], [call("f", "1", id="a", index=1)], [call("f", "}", id="a", index=2)]], F),
    ([[call("f", HALF, id="a", index=0)], [call(None, "1", index=1)], [call(None, "}", index=2)]], F),
    ([[call("f", "", id="a", index=0)], [call(None, HALF, index=1)], [call(None, REST, index=2)]], F),
    ([[call("f", HALF, id="a", index=0)], [call(None, "1", id="b", index=1)], [call(None, "}", id="c", index=2)]], F),
    ([[call("f", HALF, index=0)], [call(None, REST, index=1)]], F),
    ([[call("f", HALF, index=0)], [call("f", REST, index=1)]], F),
    ([[call("f", HALF, index="0")], [call(None, REST, index="1")]], F),
    (
        [[call("f", HALF, id="a", index=0)], [call(None, REST, index=1)], [call("g", HALF, id="b", index=2)], [call(None, REST, index=3)]],
        [*F, ("g", ALL)],
    ),
    (
        [[call("f", HALF, id="a", index=0)], [call(None, REST, index=1)], [call("g", HALF, id="b", index=0)], [call(None, REST, index=1)]],
        [*F, ("g", ALL)],
    ),
]  # fmt: skip
DISTINCT: list[tuple[list[list[dict[str, Any]]], Made]] = [
    ([[call("f", ALL, id="a", index=0)], [call("f", ALL, id="a", index=1)]], F + F),
    ([[call("f", ALL, index=0)], [call("f", ALL, index=1)]], F + F),
    ([[call("f", ALL, index=0), call("f", ALL, index=1)]], F + F),
    ([[call("f", ALL)], [call("f", ALL)]], F + F),
    ([[call("f", ALL, index=0)], [call("f", '{"x":2}', index=0)]], [*F, ("f", '{"x":2}')]),
    ([[call("f", HALF, index=0)], [call("f", HALF, index=1)], [call(None, REST, index=0)], [call(None, REST, index=1)]], F + F),
    ([[call("f", "", id="a", index=0)], [call("f", "", id="b", index=1)], [call(None, ALL, index=0), call(None, ALL, index=1)]], F + F),
    (
        [[call("f", ALL, id="a", index=0)], [{"index": 1, "id": "b", "type": "function"}], [call("g", ALL, index=1)]],
        [*F, ("g", ALL)],
    ),
]  # fmt: skip
REPEATED: list[tuple[list[list[dict[str, Any]]], Made]] = [
    ([[call("f", HALF, id="a", index=0)], [call(None, REST, index=0)], [call("f", ALL, id="a", index=0)]], F),
    ([[call("f", HALF, id="a", index=0)], [call(None, REST, index=0)], [call(None, ALL, index=0)]], F),
    ([[call("f", HALF, id="a", index=0)], [call(None, REST, index=0)], [call("f", '{ "x": 1 }', id="a", index=0)]], F),
    ([[call("f", HALF, index=0)], [call(None, REST, index=0)], [call("f", ALL, index=0)]], F),
    ([[call("f", HALF)], [call(None, REST)], [call("f", ALL)]], F),
    ([[call("f", HALF, id="a")], [call(None, REST, id="a")], [call("f", ALL, id="a")]], F),
]  # fmt: skip
SHAPES: list[tuple[list[list[dict[str, Any]]], Made]] = [
    ([[{"id": "a", "name": "f", "arguments": ALL}]], F),
    ([[{"id": "a", "index": 0, "name": "f", "arguments": HALF}], [{"index": 0, "arguments": REST}]], F),
    ([[{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]], F),
    ([[{"function": "f", "arguments": ALL}]], F),
    ([[{"function": {"name": "f"}, "arguments": ALL}]], F),
    ([[{"name": "f", "function": {"arguments": ALL}}]], F),
    ([[{"function": {"name": "f", "parameters": {"x": 1}}}]], F),
    ([[{"function": {"name": "f", "args": ALL}}]], F),
    ([[{"function": {"name": "f", "arguments": {"x": 1}}}], [{"function": {"arguments": {"x": 1}}}]], F),
]


@pytest.mark.parametrize(("frames", "told"), [*GROWING, *DISTINCT, *REPEATED, *SHAPES])
def test_each_call_arrives_once(frames: list[list[dict[str, Any]]], told: Made):
    assert made(*frames) == told


def streamed_and_whole(offer: Offer, said: Any) -> list[list[Made] | None]:
    """The calls of a streamed and a whole answer whose message says `said`."""
    wire = offer.preset.wire
    frames: dict[str, list[Any]] = {
        "openai": [{"choices": [{"delta": said}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}],
        "cohere": [{"type": "tool-call-start", "delta": {"message": said}}, {"type": "message-end"}],
        "gemini": [{"candidates": [{"content": said}]}, {"candidates": [{"finishReason": "STOP"}]}],
    }
    whole: dict[str, Any] = {
        "openai": {"choices": [{"message": said}]},
        "cohere": {"message": said},
        "gemini": {"candidates": [{"content": said, "finishReason": "STOP"}]},
    }
    stream = CODECS[wire].open_stream(offer)
    body = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in frames[wire])
    return [
        outcome(lambda: join_chunks(stream.feed(body) + stream.finish())),
        outcome(lambda: parse(orjson.dumps(whole[wire]), make_request(), offer)),
    ]


def outcome(read: Any) -> Any:
    try:
        message = read().choices[0]["message"]
    except UpstreamError as error:
        return LOST if error.kind is ErrorKind.PARSING else error.kind.value
    functions = [each["function"] for each in message.get("tool_calls", ())]
    return message["content"], [(each["name"], each["arguments"]) for each in functions]


ENTRY = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ALL}}
PART = {"functionCall": {"name": "f", "args": {"x": 1}}}
MESSAGES: list[tuple[Offer, Any, Any]] = [
    (OPENAI, {"tool_calls": ENTRY}, (None, F)),
    (OPENAI, {"tool_calls": [None, ENTRY]}, (None, F)),
    (OPENAI, {"tool_calls": [{"name": "f", "arguments": ALL}]}, (None, F)),
    (OPENAI, {"function_call": {"name": "f", "arguments": ALL}}, (None, F)),
    (OPENAI, {"function_call": {"name": "f", "arguments": {"x": 1}}}, (None, F)),
    (OPENAI, {"function_call": [{"name": "f", "arguments": ALL}]}, (None, F)),
    (OPENAI, {"content": "x", "tool_calls": ["f"]}, LOST),
    (OPENAI, {"content": "x", "tool_calls": "f"}, LOST),
    (OPENAI, {"content": "x", "tool_calls": {"0": ENTRY}}, LOST),
    (OPENAI, {"content": "x", "tool_calls": [{"function": ["f"]}]}, LOST),
    (OPENAI, {"content": "x", "function_call": "f"}, (  "x", [("f", "{}")])),
    (COHERE, {"tool_calls": [{"name": "f", "parameters": {"x": 1}}]}, (None, F)),
    (COHERE, {"tool_calls": ENTRY}, (None, F)),
    (COHERE, {"content": "x", "tool_calls": ["f"]}, LOST),
    (GEMINI, {"parts": [{"function_call": {"name": "f", "args": {"x": 1}}}]}, (None, F)),
    (GEMINI, {"parts": [{"functionCall": [PART["functionCall"], PART["functionCall"]]}]}, (None, F + F)),
    (GEMINI, {"parts": [{"text": "x", **PART}]}, ("x", F)),
    (GEMINI, {"parts": PART}, (None, F)),
    (GEMINI, {"parts": [{"text": "x"}, {"functionCall": "f"}]}, LOST),
    (GEMINI, {"parts": [{"text": "x"}, {"functionCalls": [PART["functionCall"]]}]}, LOST),
    (GEMINI, {"parts": [{"text": "x"}, {"tool_call": {"name": "f"}}]}, LOST),
]  # fmt: skip


@pytest.mark.parametrize(("offer", "said", "told"), MESSAGES)
def test_calls_in_an_odd_shape_arrive_or_are_an_error(offer: Offer, said: Any, told: Any):
    assert streamed_and_whole(offer, said) == [told, told]


def test_arguments_that_are_no_more_of_a_call_are_an_error():
    body = frame({"tool_calls": [call("f", ALL, index=0)]}) + frame(
        {"tool_calls": [call(None, '{"y":2}', index=0)]}
    )

    with pytest.raises(UpstreamError) as caught:
        read_openai(body, frame({}, "stop"), DONE)

    assert caught.value.kind is ErrorKind.PARSING


@pytest.mark.parametrize("reason", ["tool_calls", "function_call", "TOOL_CALL", "tool_use"])
def test_an_answer_without_calls_does_not_end_with_them(reason: str):
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": reason}]}
    cohere = {"message": {"content": "x"}, "finish_reason": reason}
    gemini = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": reason}]}
    ends = {"type": "message-end", "delta": cohere}
    stream = CODECS["cohere"].open_stream(COHERE)

    for result in (
        parse(orjson.dumps(body), make_request(), OPENAI),
        join_chunks(read_openai(text_frames("x"), frame({}, reason), DONE)),
        parse(orjson.dumps(cohere), make_request(), COHERE),
        join_chunks(stream.feed(b"data: " + orjson.dumps(ends) + b"\n\n") + stream.finish()),
        parse(orjson.dumps(gemini), make_request(), GEMINI),
    ):
        assert [choice["finish_reason"] for choice in result.choices] == ["stop"]


def test_calls_behind_a_reason_that_says_calls_are_told():
    body = text_frames("x") + frame({}, "tool_calls") + frame({"tool_calls": [call("f", ALL, index=0)]})

    (choice,) = join_chunks(read_openai(body, DONE)).choices

    assert choice["finish_reason"] == "tool_calls"


def test_fragments_of_a_custom_call_are_joined():
    begun = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "one "}}
    body = frame({"tool_calls": [begun]}) + frame({"tool_calls": [{"index": 0, "custom": {"input": "two"}}]})

    (choice,) = join_chunks(read_openai(body, frame({}, "stop"), DONE)).choices

    assert choice["message"]["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "f", "input": "one two"}}
    ]


def test_pieces_of_audio_are_joined():
    pieces = [
        {"id": "au_1", "transcript": "Hel"},
        {"transcript": "lo"},
        {"data": "QUJD"},
        {"data": "REVG"},
        {"expires_at": 5},
    ]
    body = b"".join(frame({"audio": piece}) for piece in pieces)

    (choice,) = join_chunks(read_openai(body, frame({}, "stop"), DONE)).choices

    audio = {"id": "au_1", "transcript": "Hello", "data": "QUJDREVG", "expires_at": 5}
    assert choice["message"] == {"role": "assistant", "content": None, "audio": audio}
