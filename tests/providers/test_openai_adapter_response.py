import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Preset, Usage
from tests.factories import API_KEY, make_offer

from .openai_wire import DONE, codec, frame, joined, read, whole

USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 20,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 6},
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}


def parse(payload, **offer):
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return codec.parse(raw, make_offer(**offer))


def test_reads_a_clean_answer():
    result = parse(
        {
            "id": "chatcmpl-1",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello"},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": USAGE,
            "system_fingerprint": "fp_x",
            "x_groq": {"id": "req_1"},
        }
    )

    message = {"role": "assistant", "content": "Hello"}
    assert result.choices == [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    assert result.usage == Usage(9, 20, cached_tokens=4, reasoning_tokens=6)
    assert result.extras == {"system_fingerprint": "fp_x"}


SAME_ANSWERS = [
    ({"content": "Hello"}, "stop"),
    ({"content": None, "tool_calls": [CALL]}, "tool_calls"),
    ({"content": "See", "tool_calls": [CALL, CALL | {"id": "call_2"}]}, "stop"),
    (
        {"content": "", "tool_calls": [{"id": None, "function": {"name": "f", "arguments": {"a": [1]}}}]},
        "stop",
    ),
    ({"content": "", "tool_calls": [{"function": {"name": "f"}}, {"function": {"name": "g"}}]}, ""),
    ({"content": "", "function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
    ({"content": "Hi", "reasoning_content": "hm"}, "stop"),
    (
        {"content": "Hi", "reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        None,
    ),
    ({"content": "Hi", "reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}, "stop"),
    ({"content": [THINKING, {"type": "text", "text": "Hi"}]}, "model_length"),
    ({"content": [{"type": "thinking", "thinking": "hm"}, "Hi"]}, "eos"),
    ({"content": "<think>\nhm</think>\n\nHi"}, "stop"),
    ({"content": "  <think>only thoughts"}, "length"),
    ({"content": "Say <think> or </think>"}, "stop"),
    ({"content": None, "refusal": "No."}, "stop"),
    ({"content": ""}, "content_filter"),
    ({"content": None}, None),
    ({"content": "Hi", "annotations": [{"type": "url_citation"}]}, "stop"),
]


@pytest.mark.parametrize(("message", "finish_reason"), SAME_ANSWERS)
@pytest.mark.parametrize("usage", [None, USAGE])
def test_a_streamed_and_a_whole_answer_say_the_same(message, finish_reason, usage):
    body = frame({"role": "assistant", **message}, finish_reason) + frame(usage=usage) + DONE

    streamed_message, streamed_finish, streamed_usage = joined(read(body))
    if streamed_message.get("content") == "":
        del streamed_message["content"]

    assert (streamed_message, streamed_finish, streamed_usage) == whole(message, finish_reason, usage=usage)


@given(
    st.lists(st.sampled_from(["<th", "<think>", "ink>", "</think>", "</", "think", ">", " ", "\n", "a", "é"]))
)
def test_text_in_any_pieces_is_split_like_the_whole(texts):
    for opened in (frozenset(), frozenset({"r1"})):
        offer = {"preset": Preset(think_opened=opened), "model": "r1"}
        body = b"".join(frame({"content": text}) for text in texts) + frame({}, "stop") + DONE

        streamed = joined(read(body, **offer))

        assert streamed == whole({"content": "".join(texts)}, offer=make_offer(**offer))


def test_content_is_a_string_unless_something_stands_in_its_place():
    def content_of(message):
        return parse({"choices": [{"message": message}]}).choices[0]["message"]["content"]

    assert content_of({"content": None}) == ""
    assert content_of({}) == ""
    assert content_of({"content": "", "tool_calls": [CALL]}) is None
    assert content_of({"content": None, "refusal": "No."}) is None


def test_keeps_the_order_and_index_of_several_choices():
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in "ab"]

    assert [choice["index"] for choice in parse({"choices": choices}).choices] == [0, 1]


@pytest.mark.parametrize("choices", [[], None])
def test_no_choices_are_left_to_the_verdict(choices):
    assert parse({"choices": choices, "usage": USAGE}).choices == []


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, None),
        ({"kudos": 3}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(0, 0)),
        ({"prompt_tokens": 5, "completion_tokens": None, "prompt_tokens_details": None}, Usage(5, 0)),
        ({"prompt_tokens": 5.0, "completion_tokens": -1}, Usage(5, 0)),
    ],
)
def test_tells_no_usage_from_zero(usage, expected):
    assert parse({"choices": [], "usage": usage}).usage == expected


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"<html></html>", b"[]", b"5", b"{}", b'{"id": "x"}', b'{"choices"']
)
def test_what_is_no_answer_is_a_parsing_error(body):
    with pytest.raises(UpstreamError) as caught:
        parse(body)

    assert caught.value.kind is ErrorKind.PARSING


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"error": {"message": "Failed"}}, ErrorKind.SERVER_ERROR),
        ({"error": "Failed", "choices": []}, ErrorKind.SERVER_ERROR),
        ([{"error": {"message": "Failed", "code": 503}}], ErrorKind.SERVER_ERROR),
        ({"object": "error", "message": "Failed", "code": 429}, ErrorKind.RATE_LIMITED),
        ({"success": False, "errors": [{"code": 3040, "message": "Failed"}]}, ErrorKind.SERVER_ERROR),
        ({"error": {"message": "Failed", "code": "context_length_exceeded"}}, ErrorKind.CONTEXT_LENGTH),
    ],
)
def test_an_error_inside_a_200_is_raised(payload, kind):
    with pytest.raises(UpstreamError) as caught:
        parse(payload)

    assert (caught.value.kind, caught.value.message) == (kind, "Failed")


def test_a_finish_reason_that_says_failure_is_one():
    with pytest.raises(UpstreamError) as caught:
        parse({"choices": [{"message": {"content": "Hel"}, "finish_reason": "error"}]})

    assert caught.value.kind is ErrorKind.SERVER_ERROR


def test_text_of_a_broken_answer_is_scrubbed():
    with pytest.raises(UpstreamError) as caught:
        parse(f"<html>key {API_KEY}".encode())

    assert API_KEY not in caught.value.message


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "Hello"},
        {"content": "Hello", "refusal": None, "tool_calls": None, "reasoning": None},
    ],
)
def test_plain_text_is_the_whole_message(message):
    result = parse({"choices": [{"message": message}]})

    assert result.choices[0]["message"] == {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"reasoning": "hm"}, {"reasoning_content": "hm"}),
        ({"annotations": [{"type": "x"}]}, {"annotations": [{"type": "x"}]}),
        ({"content": "\n<think>hm</think>Hello"}, {"reasoning_content": "hm"}),
        ({"tool_calls": [CALL]}, {"tool_calls": [CALL]}),
    ],
)
def test_what_comes_beside_plain_text_is_kept(more, kept):
    result = parse({"choices": [{"message": {"role": "assistant", "content": "Hello"} | more}]})

    assert result.choices[0]["message"] == {"role": "assistant", "content": "Hello"} | kept


def test_text_without_a_tag_is_reasoning_where_the_template_opened_it():
    message = {"role": "assistant", "content": "hm</think>Hello"}

    result = parse(
        {"choices": [{"message": message}]}, model="m", preset=Preset(think_opened=frozenset({"m"}))
    )

    assert result.choices[0]["message"] == message | {"content": "Hello", "reasoning_content": "hm"}
