"""Why answers ended, and streamed tool calls whose upstreams tell them apart badly."""

from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS
from apps.providers.adapters.shared.finishes import read_finish
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Preset
from tests.factories import make_offer

from .openai_wire import DONE, codec, frame, text_frames
from .openai_wire import read as read_openai

SPELLINGS = {
    "length": "length LENGTH Length max_tokens MAX_TOKENS max_output_tokens MaxTokens model_length token_limit MAX_LENGTH"
    " max_new_tokens context_window_exceeded finish.length",
    "stop": "stop STOP Stop eos EOS eos_token end_turn stop_sequence COMPLETE complete FINISH_REASON_STOP done",
    "tool_calls": "tool_calls TOOL_CALLS tool_use TOOL_CALL function_call FunctionCall tool-calls",
    "content_filter": "content_filter CONTENT_FILTER SAFETY sensitive PROHIBITED_CONTENT content_filtered refusal ERROR_TOXIC",
    "failed": "error ERROR network_error abort aborted timeout server_error cancelled MALFORMED_FUNCTION_CALL ERROR_LIMIT"
    " rate_limit_exceeded",
    "unknown": "banana 7 ein",
}
WORDS = [(word, ours) for ours, words in SPELLINGS.items() for word in words.split()]


@pytest.mark.parametrize(("theirs", "ours"), [*WORDS, ("", None), (None, None)])
def test_reads_finish_reasons_of_any_spelling(theirs: Any, ours: str | None):
    assert read_finish(theirs) == ours


@pytest.mark.parametrize(
    "reason", ["MAX_TOKENS", "LENGTH", "max_output_tokens", "Length", "token_limit_reached"]
)
def test_a_cut_answer_says_so(reason: str):
    whole = codec.parse(
        orjson.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]}), make_offer()
    )
    cohere = CODECS["cohere"].parse(
        orjson.dumps({"message": {"content": "x"}, "finish_reason": reason}),
        make_offer(preset=Preset(wire="cohere")),
    )
    gemini = CODECS["gemini"].parse(
        orjson.dumps({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": reason}]}),
        make_offer(preset=Preset(wire="gemini")),
    )
    streamed = join_chunks(read_openai(text_frames("x"), frame({}, reason), DONE))

    for result in (whole, streamed, cohere, gemini):
        assert [choice["finish_reason"] for choice in result.choices] == ["length"]


def test_an_unknown_reason_is_shown_beside_ours():
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": "banana"}]}

    whole = codec.parse(orjson.dumps(body), make_offer()).choices[0]
    streamed = join_chunks(read_openai(text_frames("x"), frame({}, "banana"), DONE)).choices[0]

    for choice in (whole, streamed):
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "banana")


def call(name: str | None = None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    function = {} if name is None else {"name": name}
    return {"function": function if arguments is None else function | {"arguments": arguments}} | more


def calls(*frames: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(id, name, arguments) of the calls that frames with these entries make."""
    body = b"".join(frame({"tool_calls": entries}) for entries in frames)
    (choice,) = join_chunks(read_openai(body, frame({}, "stop"), DONE)).choices
    assert choice["finish_reason"] == "tool_calls"
    made = choice["message"]["tool_calls"]
    return [(each["id"], each["function"]["name"], each["function"]["arguments"]) for each in made]


@pytest.mark.parametrize("name", [None, "f"], ids=["name_once", "name_repeated"])
def test_an_id_that_changes_between_fragments_is_one_call(name: str | None):
    fragments = [
        [call("f", "", id="a", index=0)],
        [call(name, '{"x":', id="b", index=0)],
        [call(name, "1", id="c", index=0)],
        [call(name, "}", id="d", index=0)],
        [call(name, "", id="e", index=0)],
    ]

    assert calls(*fragments[: 5 if name is None else 4]) == [("a", "f", '{"x":1}')]


def test_two_calls_whose_ids_change_stay_two():
    assert calls(
        [call("f", "{", id="a", index=0)],
        [call(None, "}", id="b", index=0)],
        [call("g", "[", id="c", index=1)],
        [call(None, "]", id="d", index=1)],
    ) == [("a", "f", "{}"), ("c", "g", "[]")]


def test_indexes_written_as_text_tell_calls_apart():
    interleaved = [
        [call("f", "{", index="0", id="a"), call("g", "{", index="1", id="b")],
        [call(None, "}", index="0"), call(None, "}", index="1")],
    ]

    assert [(name, arguments) for _, name, arguments in calls(*interleaved)] == [("f", "{}"), ("g", "{}")]


def test_error_of_a_choice_is_one():
    failed = {
        "index": 0,
        "delta": {"content": "x"},
        "error": {"code": 502, "message": "Provider disconnected"},
    }
    whole = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop", "error": {"code": 502}}]}
    event = b"data: " + orjson.dumps({"choices": [failed]}) + b"\n\n"

    for read in (
        lambda: read_openai(text_frames("Half an"), event, frame({}, "stop"), DONE),
        lambda: codec.parse(orjson.dumps(whole), make_offer()),
    ):
        with pytest.raises(UpstreamError) as error:
            read()
        assert error.value.kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize("field", ["args", "arguments"])
def test_geminis_arguments_may_be_text(field: str):
    part = {"functionCall": {"name": "f", field: '{"x": 1}'}}
    body = orjson.dumps({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]})

    (choice,) = CODECS["gemini"].parse(body, make_offer(preset=Preset(wire="gemini"))).choices

    assert choice["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x": 1}'}


def test_two_calls_of_one_function_at_one_place_stay_two():
    assert calls([call("f", '{"x":1}', id="a", index=0)], [call("f", '{"x":2}', id="b", index=0)]) == [
        ("a", "f", '{"x":1}'),
        ("b", "f", '{"x":2}'),
    ]


def test_calls_without_an_index_are_told_by_their_ids():
    assert calls(
        [call("f", "{", id="a")],
        [call("g", "[", id="b")],
        [call(None, "}", id="a")],
        [call(None, "]", id="b")],
    ) == [("a", "f", "{}"), ("b", "g", "[]")]


def test_calls_that_share_an_id_get_two():
    (first, second) = calls([call("f", "{}", id="f", index=0), call("f", "{}", id="f", index=1)])

    assert first[0] == "f"
    assert second[0].startswith("call_")


def test_a_whole_answers_calls_that_share_an_id_get_two():
    made = [{"id": "f", "function": {"name": "f", "arguments": "{}"}}] * 2
    result = codec.parse(orjson.dumps({"choices": [{"message": {"tool_calls": made}}]}), make_offer())

    assert len({each["id"] for each in result.choices[0]["message"]["tool_calls"]}) == 2


@pytest.mark.parametrize("done", [DONE, b""])
@pytest.mark.parametrize("between", [b"", frame(usage={"prompt_tokens": 1, "completion_tokens": 1})])
def test_calls_behind_a_stop_are_said(between: bytes, done: bytes):
    body = text_frames("Let me look.") + frame({}, "stop") + between
    body += frame({"tool_calls": [call("f", "{", id="a", index=0)]}) + frame(
        {"tool_calls": [call(None, "}", index=0)]}
    )

    (choice,) = join_chunks(read_openai(body + done)).choices

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}


def test_calls_behind_geminis_stop_are_said():
    offer = make_offer(preset=Preset(wire="gemini"))
    frames: list[dict[str, Any]] = [
        {"candidates": [{"content": {"parts": [{"text": "Hm."}]}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}}]},
    ]
    stream = CODECS["gemini"].open_stream(offer)
    body = b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in frames)

    (choice,) = join_chunks(stream.feed(body) + stream.finish()).choices

    assert choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("stop", "length", "length"),
        ("stop", "content_filter", "content_filter"),
        ("length", "stop", "length"),
        ("tool_calls", "stop", "tool_calls"),
    ],
)
def test_of_two_reasons_the_one_that_says_more_counts(first: str, second: str, told: str):
    body = (
        frame({"tool_calls": [call("f", "{}", id="a", index=0)]})
        if told == "tool_calls"
        else text_frames("x")
    )

    assert (
        join_chunks(read_openai(body, frame({}, first), frame({}, second), DONE)).choices[0]["finish_reason"]
        == told
    )
