"""Gemini's answers in OpenAI's shapes; streamed or whole, split anywhere, they say the same."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.adapters.gemini.chat.signatures import split_id
from apps.providers.errors import ErrorKind
from apps.providers.types import Usage
from apps.providers.verdict import judge_result
from tests.providers.gemini_wire import (
    COUNTED,
    OFFER,
    USAGE,
    call_part,
    failure,
    frame,
    parse,
    sse,
    stream,
)


def test_reads_a_plain_answer():
    result = parse(frame({"text": "Hello"}, finish="STOP", usageMetadata=USAGE))

    assert result.choices == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello"},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert result.usage == COUNTED
    assert result.usage.total_tokens == 30


def test_thoughts_are_reasoning_content():
    message = parse(frame({"text": "Hm.", "thought": True}, {"text": "Yes."}, finish="STOP")).choices[0][
        "message"
    ]

    assert message == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}


def test_text_and_parallel_calls_in_one_turn_are_all_kept():
    result = parse(
        frame(
            {"text": "Let me see."},
            {"functionCall": {"id": "fc-1", "name": "get_weather", "args": {"city": "Rome"}}},
            {"functionCall": {"id": "fc-2", "name": "get_time"}},
            finish="STOP",
        )
    )

    assert result.choices[0]["finish_reason"] == "tool_calls"
    assert result.choices[0]["message"] == {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [
            {
                "id": "fc-1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
            },
            {"id": "fc-2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
        ],
    }


def test_call_without_id_gets_one_and_a_signature_goes_into_it():
    calls = parse(frame(call_part(thoughtSignature="CpcC"), call_part(), finish="STOP")).choices[0][
        "message"
    ]["tool_calls"]

    plain, signature = split_id(calls[0]["id"], OFFER.model)

    assert plain.startswith("call_")
    assert signature == "CpcC"
    assert calls[1]["id"].startswith("call_")
    assert calls[1]["id"] != plain


def test_calls_alone_have_no_content():
    assert parse(frame(call_part(), finish="STOP")).choices[0]["message"]["content"] is None


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("OTHER", "stop"),
        ("A_NEW_REASON", "stop"),
    ],
)
def test_finish_reasons(reason, finish):
    document = frame({"text": "x"}, finish=reason)

    assert parse(document).choices[0]["finish_reason"] == finish
    assert stream(sse(document)) == parse(document)


def test_calls_that_were_cut_end_with_length():
    assert parse(frame(call_part(), finish="MAX_TOKENS")).choices[0]["finish_reason"] == "length"


def test_blocked_prompt_is_a_filtered_choice():
    document = {
        "promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []},
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
    }

    result = parse(document)

    assert [choice["finish_reason"] for choice in result.choices] == ["content_filter"]
    assert result.usage == Usage(8, 0)
    assert stream(sse(document)) == result
    assert failure(judge_result, result).kind is ErrorKind.CONTENT_FILTERED


def test_several_candidates_keep_their_index():
    whole = {"candidates": [frame({"text": text}, finish="STOP")["candidates"][0] for text in "ab"]}
    for index, candidate in enumerate(whole["candidates"]):
        candidate["index"] = index
    frames = [frame({"text": text}, finish="STOP", index=index) for index, text in enumerate("ab")]

    assert [choice["message"]["content"] for choice in parse(whole).choices] == ["a", "b"]
    assert stream(sse(*frames)) == parse(whole)


def test_cached_and_tool_tokens_are_counted():
    usage = {**USAGE, "cachedContentTokenCount": 3, "toolUsePromptTokenCount": 6}

    result = parse(frame({"text": "x"}, finish="STOP", usageMetadata=usage))

    assert result.usage == Usage(10, 26, cached_tokens=3, reasoning_tokens=24)


def test_usage_grows_with_the_frames_and_the_last_counts():
    frames = [
        frame({"text": "a"}, usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 1}),
        frame({"text": "b"}, finish="STOP", usageMetadata=USAGE),
    ]

    assert stream(sse(*frames)).usage == COUNTED


def test_usage_that_the_upstream_left_out_is_none():
    assert parse(frame({"text": "x"}, finish="STOP")).usage is None


def test_logprobs_of_the_chosen_tokens():
    document = frame({"text": "é"}, finish="STOP")
    document["candidates"][0]["logprobsResult"] = {
        "chosenCandidates": [{"token": "é", "tokenId": 1, "logProbability": -0.1}],
        "topCandidates": [{"candidates": [{"token": "e", "tokenId": 2, "logProbability": -2.0}]}],
    }

    content = parse(document).choices[0]["logprobs"]["content"]

    assert content == [
        {
            "token": "é",
            "logprob": -0.1,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -2.0, "bytes": [101]}],
        }
    ]
    assert stream(sse(document)) == parse(document)


def test_stream_deltas_carry_what_is_new_and_the_last_usage_counts():
    reader = CODEC.open_stream(OFFER)
    begun = {"promptTokenCount": 4, "totalTokenCount": 4}

    chunks = reader.feed(
        sse(
            frame({"text": "Hm", "thought": True}, usageMetadata=begun),
            frame({"text": "Hel"}, usageMetadata=begun),
            frame(call_part()),
            frame({"text": ""}, finish="STOP", usageMetadata=USAGE),
        )
    )

    assert [chunk.choices[0]["delta"] for chunk in chunks[:2]] == [
        {"reasoning_content": "Hm"},
        {"content": "Hel"},
    ]
    assert chunks[2].choices[0]["delta"]["tool_calls"][0]["index"] == 0
    assert chunks[3].choices == [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
    assert [chunk.has_content for chunk in chunks] == [True, True, True, False]
    assert [chunk.usage for chunk in chunks] == [None, None, None, COUNTED]


ANSWER = (
    frame({"text": "Grüße 🙂", "thought": True}, usageMetadata={"promptTokenCount": 4}),
    frame({"text": "日本"}),
    frame({"text": "語\n\ndata: x"}, call_part(thoughtSignature="CpcC")),
    frame(call_part("get_time", {"zone": "Ελλάδα"})),
    frame({"text": "!"}, finish="STOP", usageMetadata=USAGE),
)
WHOLE = frame(
    {"text": "Grüße 🙂", "thought": True},
    {"text": "日本語\n\ndata: x"},
    call_part(thoughtSignature="CpcC"),
    call_part("get_time", {"zone": "Ελλάδα"}),
    {"text": "!"},
    finish="STOP",
    usageMetadata=USAGE,
)


@given(cuts=st.lists(st.integers(0, 10_000), max_size=30), line_end=st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_stream_says_what_the_whole_answer_says_however_it_is_split(cuts, line_end):
    assert stream(sse(*ANSWER, line_end=line_end), *cuts) == parse(WHOLE)


@given(cuts=st.lists(st.integers(0, 10_000), max_size=10))
def test_array_in_place_of_events_says_the_same(cuts):
    body = orjson.dumps(list(ANSWER))

    assert stream(body, *cuts) == parse(WHOLE)
    assert parse(list(ANSWER)) == parse(WHOLE)


def test_last_event_without_its_blank_line_counts():
    assert stream(sse(frame({"text": "x"}, finish="STOP")).rstrip()).choices[0]["message"]["content"] == "x"


@pytest.mark.parametrize(
    ("reasons", "given"),
    [
        (["STOP", "STOP"], ["stop", None]),
        (["STOP", "MAX_TOKENS"], ["stop", "length"]),
        (["FINISH_REASON_UNSPECIFIED", "SAFETY"], ["stop", "content_filter"]),
        (["MAX_TOKENS", "STOP"], ["length", None]),
    ],
)
def test_finish_reason_is_given_again_only_where_it_says_more(reasons, given):
    reader = CODEC.open_stream(OFFER)

    chunks = reader.feed(sse(*(frame({"text": "x"}, finish=reason) for reason in reasons)))

    assert [choice["finish_reason"] for chunk in chunks for choice in chunk.choices] == given
