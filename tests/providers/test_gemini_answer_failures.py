"""Answers of Gemini that are cut, malformed or errors in disguise."""

import orjson
import pytest

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.errors import ErrorKind
from apps.providers.types import ChatResult
from tests.providers.gemini_wire import OFFER, failure, frame, parse, sse, stream


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"])
def test_model_that_failed_without_content_is_an_upstream_failure(reason):
    document = frame(finish=reason)

    assert failure(parse, document).kind is ErrorKind.SERVER_ERROR
    assert failure(stream, sse(document)).kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize(
    "body",
    [b"", sse(frame({"text": "Hel"})), sse(frame({"text": "Hello"}, finish="STOP"), frame(index=1))],
)
def test_stream_without_every_finish_reason_was_cut(body):
    assert failure(stream, body).kind is ErrorKind.NETWORK


def test_few_malformed_frames_are_passed_over():
    garbage = b"data: {broken\r\n\r\n" * 4
    body = garbage + sse(frame({"text": "a"})) + garbage + sse(frame({"text": "b"}, finish="STOP"))

    assert stream(body).choices[0]["message"]["content"] == "ab"


def test_five_malformed_frames_in_a_row_are_a_parsing_error():
    assert failure(stream, b"data: {broken\r\n\r\n" * 5).kind is ErrorKind.PARSING


@pytest.mark.parametrize("body", [b"<html><title>502</title></html>", b" <!doctype html>"])
def test_html_is_a_parsing_error(body):
    assert failure(stream, body).kind is ErrorKind.PARSING
    assert failure(CODEC.parse, body, OFFER).kind is ErrorKind.PARSING


@pytest.mark.parametrize("document", [[], {}, {"choices": []}, "text", None, [{"candidates": []}, 1]])
def test_json_that_is_no_answer_is_a_parsing_error(document):
    assert failure(parse, document).kind is ErrorKind.PARSING


@pytest.mark.parametrize(
    "document",
    [
        {"candidates": None, "usageMetadata": None},
        {"candidates": [None, 1], "usageMetadata": {"promptTokenCount": "4"}},
        {"candidates": [{"content": {"parts": [None, {"text": None}, {"functionCall": {}}]}}]},
    ],
)
def test_strange_values_do_not_break_the_reader(document):
    assert isinstance(parse(document), ChatResult)


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]])
def test_error_in_a_200_is_raised_whole_and_streamed(wrap):
    document = wrap({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})

    for error in (
        failure(parse, document),
        failure(stream, sse(frame({"text": "Hel"}), document)),
        failure(stream, orjson.dumps(document)),
    ):
        assert error.kind is ErrorKind.SERVER_ERROR
        assert error.status == 200


def test_quota_error_in_a_stream_is_a_rate_limit():
    document = {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}

    error = failure(stream, sse(document))

    assert (error.kind, error.window) == (ErrorKind.RATE_LIMITED, "minute")


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"])
def test_thoughts_alone_are_no_answer_of_a_model_that_failed(reason):
    thought, end = frame({"text": "I call it.", "thought": True}), frame(finish=reason)
    whole = frame({"text": "I call it.", "thought": True}, finish=reason)

    assert failure(parse, whole).kind is ErrorKind.SERVER_ERROR
    assert failure(stream, sse(thought, end)).kind is ErrorKind.SERVER_ERROR


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"])
@pytest.mark.parametrize("said", [{"text": "Let me look."}, {"functionCall": {"name": "f", "args": {}}}])
def test_an_answer_that_broke_at_a_call_is_not_whole(reason, said):
    assert failure(parse, frame(said, finish=reason)).kind is ErrorKind.SERVER_ERROR
    assert failure(stream, sse(frame(said), frame(finish=reason))).kind is ErrorKind.SERVER_ERROR


def test_an_unknown_reason_is_shown_beside_ours():
    (choice,) = parse(frame({"text": "x"}, finish="A_NEW_REASON")).choices

    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "A_NEW_REASON")
