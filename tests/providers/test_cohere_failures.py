"""Answers of Cohere that are none: cut, garbled, errors with status 200, and what its refusals mean."""

import orjson
import pytest

from apps.providers.adapters.cohere import WIRE
from apps.providers.errors import ErrorKind
from tests.factories import API_KEY
from tests.providers.cohere_wire import (
    OFFER,
    START,
    answer,
    codec,
    end,
    event,
    failure,
    parse,
    read,
    said,
    text,
)

GARBAGE = b'data: {"type": "content-delta", "delta": {\n\n'
TRIAL = (
    "You are using a Trial key, which is limited to {}. You can continue to use the Trial key for free or upgrade"
    " to a Production key with higher rate limits at 'https://dashboard.cohere.com/api-keys'."
)


def refused(status, message="", headers=None, **fields):
    body = orjson.dumps({"id": "x", "message": message, **fields})
    return WIRE.parse_error(status, headers or {}, body, OFFER)


@pytest.mark.parametrize("body", [b"", START, START + said("x"), START + said("x") + end()[:-20]])
def test_a_stream_without_its_end_was_cut(body):
    assert failure(read, body).kind is ErrorKind.NETWORK


def test_four_malformed_events_in_a_row_are_borne():
    body = START + GARBAGE * 4 + said("a") + GARBAGE * 4 + said("b") + end()

    assert [chunk.choices[0]["delta"].get("content") for chunk in read(body)] == ["a", "b", None]


@pytest.mark.parametrize("garbage", [GARBAGE, b"data: 7\n\n", b"data: {}\n\n", b"data: []\n\n"])
def test_five_malformed_events_in_a_row_are_too_many(garbage):
    assert failure(read, START + garbage * 5 + end()).kind is ErrorKind.PARSING


@pytest.mark.parametrize(
    "frame",
    [
        b'data: {"id":"x","message":"internal error"}\n\n',
        b'event: error\ndata: {"id":"x","message":"internal error"}\n\n',
        b"event: error\ndata: internal error\n\n",
        b'data: {"error":{"message":"internal error"}}\n\n',
    ],
)
@pytest.mark.parametrize("before", [b"", START, START + said("x")])
def test_an_error_frame_is_the_upstreams_failure(before, frame):
    error = failure(read, before + frame + end())

    assert (error.kind, error.message, error.status) == (ErrorKind.SERVER_ERROR, "internal error", 200)


def test_an_error_in_a_200_is_the_upstreams_failure_whole_and_streamed():
    document = {"id": "x", "message": f"internal error {API_KEY}"}

    for error in (failure(parse, document), failure(read, orjson.dumps(document))):
        assert (error.kind, error.message) == (ErrorKind.SERVER_ERROR, "internal error ***")


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html><title>Just a moment...</title>", b"", b"[]", b'{"id":"x"}', b"7"]
)
def test_a_200_that_is_no_answer(body):
    assert failure(codec.parse, body, OFFER).kind is ErrorKind.PARSING


def test_html_instead_of_a_stream():
    assert failure(read, b"<html>").kind is ErrorKind.PARSING


def test_an_event_without_end_is_too_large():
    reader = codec.open_stream(OFFER)

    assert failure(reader.feed, b"data: " + b"x" * (9 << 20)).kind is ErrorKind.PARSING


def test_a_whole_answer_without_end_is_too_large():
    reader = codec.open_stream(OFFER)

    assert failure(reader.feed, b"{" + b"x" * (9 << 20)).kind is ErrorKind.PARSING


def test_content_of_another_shape_is_read():
    odd = answer(text(7), "plain", {"type": "thinking", "thinking": None})

    assert parse(odd).choices[0]["message"]["content"] == "7plain"
    assert read(START + event("content-delta", {"content": 7}) + end())[0].choices[0]["delta"] == {
        "content": "7"
    }


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "invalid api token", ErrorKind.AUTH),
        (401, "no api key supplied", ErrorKind.AUTH),
        (403, "", ErrorKind.REFUSED),
        (400, "invalid request: tool_choice must be one of REQUIRED, NONE", ErrorKind.REFUSED),
        (404, "model 'x' not found, make sure the correct model ID was used", ErrorKind.MODEL_GONE),
        (
            400,
            "too many tokens: total number of tokens in the prompt exceeds the limit of 128000",
            ErrorKind.CONTEXT_LENGTH,
        ),
        (400, "invalid request: messages must not be empty.", ErrorKind.CLIENT_ERROR),
        (422, "invalid request", ErrorKind.REFUSED),
        (498, "blocked output", ErrorKind.CONTENT_FILTERED),
        (499, "request cancelled", ErrorKind.SERVER_ERROR),
        (500, "internal server error", ErrorKind.SERVER_ERROR),
        (501, "not implemented", ErrorKind.REFUSED),
        (503, "", ErrorKind.SERVER_ERROR),
        (504, "", ErrorKind.SERVER_ERROR),
    ],
)
def test_what_a_refusal_means(status, message, kind):
    error = refused(status, message)

    assert (error.kind, error.status) == (kind, status)
    assert error.timed_out is (status == 504)


@pytest.mark.parametrize(
    ("status", "message", "window", "scope"),
    [
        (429, TRIAL.format("20 API calls / minute"), "minute", "model"),
        (429, TRIAL.format("1000 API calls / month"), "month", "account"),
        (429, "trial token rate limit exceeded, limit is 100000 tokens per minute", "minute", "account"),
    ],
)
def test_which_quota_is_spent(status, message, window, scope):
    error = refused(status, message)

    assert (error.kind, error.window, error.scope) == (ErrorKind.RATE_LIMITED, window, scope)


def test_an_answer_that_the_model_failed_to_write_is_tried_again():
    error = refused(422, "No valid response generated", error_type="NO_VALID_RESPONSE_GENERATED")

    assert (error.kind, error.code) == (ErrorKind.SERVER_ERROR, "NO_VALID_RESPONSE_GENERATED")


def test_a_wait_is_read_from_the_headers_and_texts_are_scrubbed():
    error = refused(429, f"wait, {API_KEY}", {"retry-after": "7"})

    assert (error.retry_after_s, error.message) == (7.0, "wait, ***")


@pytest.mark.parametrize(
    ("body", "said_text"), [(b"", "status 502"), (b"<title>Bad gateway</title>", "Bad gateway")]
)
def test_a_refusal_that_is_no_json(body, said_text):
    error = WIRE.parse_error(502, {}, body, OFFER)

    assert error.kind is ErrorKind.SERVER_ERROR
    assert said_text in error.message
