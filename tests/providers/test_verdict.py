import pytest

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatChunk, ChatResult, Usage
from apps.providers.verdict import StreamVerdict, judge_result


def result_of(message, finish_reason="stop"):
    return ChatResult(choices=[{"index": 0, "message": message, "finish_reason": finish_reason}])


def chunk_of(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return ChatChunk([choice], has_content=bool(delta))


@pytest.mark.parametrize(
    "message",
    [
        {"content": "text"},
        {"content": None, "reasoning_content": "hm"},
        {"content": None, "refusal": "I cannot help with that."},
        {"content": None, "audio": {"id": "a"}},
        {"content": None, "tool_calls": [{"id": "x"}]},
    ],
)
@pytest.mark.parametrize("finish_reason", ["stop", "content_filter", "length"])
def test_keeps_an_answer_that_holds_anything(message, finish_reason):
    result = result_of(message, finish_reason)

    assert judge_result(result) is result


@pytest.mark.parametrize(
    ("finish_reason", "kind"),
    [
        ("stop", ErrorKind.EMPTY_RESPONSE),
        ("tool_calls", ErrorKind.EMPTY_RESPONSE),
        (None, ErrorKind.EMPTY_RESPONSE),
        ("content_filter", ErrorKind.CONTENT_FILTERED),
    ],
)
def test_refuses_silence_whole_and_streamed_alike(finish_reason, kind):
    verdict = StreamVerdict()
    verdict.see(chunk_of({}, finish_reason))

    with pytest.raises(UpstreamError) as whole:
        judge_result(result_of({"content": ""}, finish_reason))
    with pytest.raises(UpstreamError) as streamed:
        verdict.end()

    assert whole.value.kind is streamed.value.kind is kind


def test_an_empty_answer_that_hit_its_length_limit_is_what_was_asked_for():
    result = result_of({"content": ""}, "length")
    verdict = StreamVerdict()
    verdict.see(chunk_of({}, "length"))

    assert judge_result(result) is result
    verdict.end()


def test_no_choices_at_all_is_an_empty_answer():
    with pytest.raises(UpstreamError) as caught:
        judge_result(ChatResult(choices=[]))

    assert caught.value.kind is ErrorKind.EMPTY_RESPONSE


def test_one_choice_with_content_is_enough():
    empty = {"index": 0, "message": {"content": ""}, "finish_reason": "content_filter"}
    full = {"index": 1, "message": {"content": "text"}, "finish_reason": "stop"}

    assert judge_result(ChatResult(choices=[empty, full])).choices == [empty, full]


def test_a_stream_waits_until_its_first_content_and_then_stays_good():
    verdict = StreamVerdict()

    assert verdict.see(ChatChunk([], usage=Usage(1, 0))) == "waiting"
    assert verdict.see(chunk_of({"content": "text"})) == "content"
    assert verdict.see(chunk_of({}, "content_filter")) == "content"
    verdict.end()
