"""What Cohere answers, whole and streamed: the two say the same."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.errors import ErrorKind
from apps.providers.types import Usage
from apps.providers.verdict import judge_result
from tests.factories import API_KEY
from tests.providers.cohere_wire import (
    COUNTED,
    OFFER,
    START,
    USAGE,
    answer,
    call,
    called,
    codec,
    end,
    event,
    failure,
    parse,
    put_together,
    read,
    said,
    taken_apart,
    text,
)

CITATION = {"start": 0, "end": 5, "text": "Hello", "sources": [{"type": "tool", "id": "get_weather:0"}]}


def streamed(*frames, **options):
    return put_together(read(START + b"".join(frames), **options))


def test_reads_a_plain_answer():
    result = parse(answer(text("Hello")))

    assert result.choices == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert result.usage == COUNTED


def test_reads_a_plain_stream_event_by_event():
    chunks = read(START + said("Hel", "lo") + end())

    assert [chunk.choices for chunk in chunks] == [
        [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}],
        [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    ]
    assert [chunk.has_content for chunk in chunks] == [True, True, False]
    assert chunks[-1].usage == COUNTED


def test_a_plan_is_reasoning_and_no_answer():
    calls = [call(), call("get_time_1", "get_time", "{}")]
    plans = [event("tool-plan-delta", {"tool_plan": piece}) for piece in ("I will ", "look.")]
    frames = [*plans, called(0, '{"ci', 'ty":"Rome"}'), called(1, call_id="get_time_1", name="get_time")]

    whole = taken_apart(parse(answer(finish="TOOL_CALL", tool_plan="I will look.", tool_calls=calls)))

    assert whole == ({"reasoning_content": "I will look.", "tool_calls": calls}, "tool_calls", COUNTED)
    assert streamed(*frames, end("TOOL_CALL")) == whole


def test_deltas_of_calls_carry_their_index_and_the_id_once():
    chunks = read(START + called(0, "{}") + called(1, "{}", call_id="b") + end("TOOL_CALL"))

    deltas = [delta for chunk in chunks for delta in chunk.choices[0]["delta"].get("tool_calls", ())]
    assert [(delta["index"], delta.get("id")) for delta in deltas] == [
        (0, "get_weather_k3x9"),
        (1, "b"),
        (0, None),
        (1, None),
    ]


def test_calls_alone_have_no_content():
    assert parse(answer(finish="TOOL_CALL", tool_calls=[call()])).choices[0]["message"]["content"] is None


def test_thinking_is_reasoning_content():
    whole = taken_apart(parse(answer({"type": "thinking", "thinking": "Hm."}, text("Yes."))))

    assert whole[0] == {"content": "Yes.", "reasoning_content": "Hm."}
    assert streamed(said("H", "m.", kind="thinking"), said("Yes", ".", index=1), end()) == whole


def test_citations_are_kept_and_are_no_content():
    frames = [
        said("Hello"),
        event("citation-start", {"citations": CITATION}, index=0),
        event("citation-end", index=0),
        event("debug", prompt="<BOS>"),
    ]

    whole = taken_apart(parse(answer(text("Hello"), citations=[CITATION])))

    assert whole[0] == {"content": "Hello", "citations": [CITATION]}
    assert streamed(*frames, end()) == whole
    assert [chunk.has_content for chunk in read(START + frames[1] + end())] == [False, False]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "stop"),  # without any call
        ("ERROR_TOXIC", "content_filter"),
        ("A_NEW_REASON", "stop"),
    ],
)
def test_finish_reasons(reason, finish):
    whole = taken_apart(parse(answer(text("x"), finish=reason)))

    assert whole[1] == finish
    assert streamed(said("x"), end(reason)) == whole


@pytest.mark.parametrize(("reason", "finish"), [("COMPLETE", "tool_calls"), ("MAX_TOKENS", "length")])
def test_an_answer_with_calls_ends_with_tool_calls_unless_it_was_cut(reason, finish):
    whole = taken_apart(parse(answer(finish=reason, tool_calls=[call()])))

    assert whole[1] == finish
    assert streamed(called(0, '{"city":"Rome"}'), end(reason)) == whole


@pytest.mark.parametrize(("reason", "timed_out"), [("ERROR", False), ("TIMEOUT", True)])
def test_a_model_that_failed_is_the_upstreams_failure(reason, timed_out):
    whole = failure(parse, answer(text("x"), finish=reason))
    in_stream = failure(read, START + said("x") + end(reason, error=f"broke with {API_KEY}"))

    assert whole.kind is in_stream.kind is ErrorKind.SERVER_ERROR
    assert whole.timed_out is in_stream.timed_out is timed_out
    assert in_stream.message == "broke with ***"


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (USAGE, COUNTED),
        ({"billed_units": {"input_tokens": 5.0, "output_tokens": 2.0}}, Usage(5, 2)),
        (
            {"tokens": {"input_tokens": 9, "output_tokens": 0}, "cached_tokens": 4},
            Usage(9, 0, cached_tokens=4),
        ),
        ({"billed_units": {"search_units": 1}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_usage(usage, counted):
    assert parse(answer(text("x")) | {"usage": usage}).usage == counted
    assert streamed(said("x"), end(usage=usage))[2] == counted


def test_calls_without_id_get_the_same_one_whole_and_streamed():
    nameless = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    frames = [event("tool-call-start", {"tool_calls": nameless}, index=index) for index in range(2)]

    whole = taken_apart(parse(answer(finish="TOOL_CALL", tool_calls=[nameless, nameless])))

    ids = [made["id"] for made in whole[0]["tool_calls"]]
    assert ids[0].startswith("call_") and ids[0] != ids[1]
    assert streamed(*frames, end("TOOL_CALL")) == whole


def test_calls_without_index_are_told_apart_by_their_ids():
    frames = []
    for call_id in ("a", "b"):
        begun = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": ""}}
        frames += [
            event("tool-call-start", {"tool_calls": begun}),
            event("tool-call-delta", {"tool_calls": {"function": {"arguments": f'["{call_id}"]'}}}),
        ]

    message, _, _ = streamed(*frames, end("TOOL_CALL"))

    assert [(made["id"], made["function"]["arguments"]) for made in message["tool_calls"]] == [
        ("a", '["a"]'),
        ("b", '["b"]'),
    ]


def test_fragments_of_calls_that_take_turns_go_by_their_index():
    starts = [
        called(index, call_id=call_id).split(b"\n\n")[0] + b"\n\n" for index, call_id in enumerate("ab")
    ]
    fragments = [
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index=index)
        for index, piece in ((0, "["), (1, "{"), (0, "]"), (1, "}"))
    ]

    message, _, _ = streamed(*starts, *fragments, end("TOOL_CALL"))

    assert [made["function"]["arguments"] for made in message["tool_calls"]] == ["[]", "{}"]


def test_an_answer_that_was_filtered_or_is_empty_is_a_failure():
    filtered = failure(judge_result, parse(answer(finish="ERROR_TOXIC")))
    empty = failure(judge_result, parse(answer(text(""))))

    assert (filtered.kind, empty.kind) == (ErrorKind.CONTENT_FILTERED, ErrorKind.EMPTY_RESPONSE)


RICH = b"".join(
    [
        b": keep-alive\n\n",
        START,
        said("naïve ", "日本語", kind="thinking"),
        said("Grüße 🙂", "\n\ndata: x", index=1),
        event("tool-plan-delta", {"tool_plan": "!"}, name=False),
        event("citation-start", {"citations": CITATION}, index=0),
        called(0, '{"city":', '"Žižkov"}'),
        called(1, "{}", call_id="b", name="get_time"),
        end("TOOL_CALL"),
        b"data: [DONE]\n\n",
    ]
)
WHOLE = (
    {
        "content": "Grüße 🙂\n\ndata: x",
        "reasoning_content": "naïve 日本語!",
        "citations": [CITATION],
        "tool_calls": [call(arguments='{"city":"Žižkov"}'), call("b", "get_time", "{}")],
    },
    "tool_calls",
    COUNTED,
)


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30), line_end=st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_the_split_of_the_reads_changes_nothing(cuts, line_end):
    assert put_together(read(RICH.replace(b"\n", line_end), *cuts)) == WHOLE


@given(cuts=st.lists(st.integers(0, 10_000), max_size=10))
def test_a_whole_answer_in_place_of_events_says_the_same(cuts):
    document = answer(
        {"type": "thinking", "thinking": "Hm."},
        text("Yes."),
        finish="TOOL_CALL",
        tool_calls=[call(), call("b")],
    )

    assert put_together(read(orjson.dumps(document), *cuts)) == taken_apart(parse(document))


@pytest.mark.parametrize("ending", [end().rstrip(), end() + b"data: [DONE]\n\n", b"data: [DONE]\n\n"])
def test_the_end_may_lack_its_blank_line_or_be_said_otherwise(ending):
    assert streamed(said("x"), ending)[:2] == ({"content": "x"}, "stop")


def test_what_follows_the_end_is_ignored():
    reader = codec.open_stream(OFFER)
    reader.feed(START + said("x") + end())

    assert reader.done
    assert reader.feed(said("y") + end("MAX_TOKENS") + b"data: garbage\n\n" * 9) == []
