from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.errors import ErrorKind, UpstreamError
from tests.factories import API_KEY

from .openai_wire import DONE, frame, joined, raw, read, text_frames

ROLE = frame({"role": "assistant", "content": ""})
STOP = frame({}, "stop")
FIELDS = [
    "choices",
    "delta",
    "message",
    "index",
    "content",
    "tool_calls",
    "function",
    "arguments",
    "finish_reason",
    "usage",
    "id",
    "name",
    "error",
    "x_groq",
    "reasoning",
    "reasoning_details",
    "thinking",
    "text",
    "logprobs",
    "prompt_tokens",
    "metadata",
    "code",
]
LEAVES = st.none() | st.booleans() | st.integers(-5, 600) | st.text(max_size=5)
HOSTILE = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=20,
)


def failure(*reads):
    with pytest.raises(UpstreamError) as caught:
        read(*reads)
    return caught.value


@pytest.mark.parametrize("body", [b"", ROLE, ROLE + text_frames("Hel"), b": ping\n\n", text_frames("a")[:-9]])
def test_a_body_that_just_ends_was_cut(body):
    assert failure(body).kind is ErrorKind.NETWORK


def test_a_choice_of_n_left_open_was_cut():
    body = STOP + frame({"content": "b"}, choice={"index": 1})

    assert failure(body).kind is ErrorKind.NETWORK


def test_an_end_mark_alone_is_a_finished_empty_answer():
    assert joined(read(DONE)) == ({}, "stop", None)


def test_a_few_malformed_frames_are_skipped():
    garbage = b"data: {oops\n\n" * 4

    assert joined(read(garbage, text_frames("a"), garbage, STOP, DONE))[0] == {"content": "a"}


@pytest.mark.parametrize("bad", [b"data: {oops\n\n", b"data: 5\n\n", b'data: {"choices": 5}\n\n'])
def test_five_malformed_frames_in_a_row_are_too_many(bad):
    assert failure(text_frames("a"), bad * 5, STOP, DONE).kind is ErrorKind.PARSING


def test_html_instead_of_a_stream():
    error = failure(b"\n <!DOCTYPE html>", b"<html>...")

    assert error.kind is ErrorKind.PARSING
    assert "HTML" in error.message


def test_an_event_without_end_is_refused():
    assert failure(b"data: ", b"x" * (9 * 1024 * 1024)).kind is ErrorKind.PARSING


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (raw({"error": {"message": "Failed"}}), ErrorKind.SERVER_ERROR),
        (raw({"error": {"message": "Failed"}}, "error"), ErrorKind.SERVER_ERROR),
        (raw({"message": "Failed"}, "error"), ErrorKind.SERVER_ERROR),
        (b"event: error\ndata: Failed\n\n", ErrorKind.SERVER_ERROR),
        (raw({"error": {"message": "Failed", "code": "x"}, "status_code": 500}), ErrorKind.SERVER_ERROR),
        (
            frame({"content": ""}, "error", error={"code": 429, "message": "Failed"}),
            ErrorKind.RATE_LIMITED,
        ),
        (frame({"content": ""}, x_groq={"error": "Failed"}), ErrorKind.SERVER_ERROR),
        (raw([{"error": {"code": 503, "message": "Failed"}}]), ErrorKind.SERVER_ERROR),
    ],
)
def test_error_frames_end_the_stream(body, kind):
    error = failure(text_frames("a"), body, DONE)

    assert (error.kind, error.message, error.status) == (kind, "Failed", 200)


def test_an_error_body_instead_of_a_stream():
    error = failure(b'{"error": {"mess', b'age": "Failed"}}')

    assert (error.kind, error.message) == (ErrorKind.SERVER_ERROR, "Failed")


@pytest.mark.parametrize("reason", ["error", "network_error"])
def test_a_finish_reason_that_says_failure_is_one(reason):
    assert failure(text_frames("a"), frame({}, reason), DONE).kind is ErrorKind.SERVER_ERROR


def test_a_client_error_after_the_start_is_this_candidates_own():
    fault = {"message": "Failed to call a function.", "code": "tool_use_failed", "status_code": 400}

    error = failure(text_frames("a"), raw({"error": fault}, "error"))

    assert error.kind is ErrorKind.REFUSED


def test_error_texts_are_scrubbed():
    assert API_KEY not in failure(raw({"error": f"bad key {API_KEY}"})).message


@given(HOSTILE)
def test_no_shape_of_json_breaks_it_in_another_way(payload):
    for body in (raw(payload), raw({"choices": [payload]}), raw({"choices": [{"delta": payload}]})):
        with suppress(UpstreamError):
            read(ROLE, body, DONE)
