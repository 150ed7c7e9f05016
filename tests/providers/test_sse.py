from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.sse import Event, EventTooLargeError, SSEParser

MESSY_STREAM = (
    "\ufeff: hello\n\n"
    'data: {"text": "naïve 日本語 🙂"}\n\n'
    "event: error\r\ndata: one\r\ndata: two\r\n\r\n"
    "data:no space\r\rid: 7\nretry: 10\n\n\n\n: ping\ndata: after a comment\n\n"
    "data\n\n"
    "data: [DONE]"
).encode()
MESSY_EVENTS = [
    Event('{"text": "naïve 日本語 🙂"}'.encode()),
    Event(b"one\ntwo", "error"),
    Event(b"no space"),
    Event(b"after a comment"),
    Event(b""),
    Event(b"[DONE]"),
]


def read(*reads: bytes) -> list[Event]:
    parser = SSEParser()
    events = [event for data in reads for event in parser.feed(data)]
    return events + parser.flush()


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def test_reads_every_line_form_of_the_standard():
    assert read(MESSY_STREAM) == MESSY_EVENTS


@given(st.lists(st.integers(min_value=0), max_size=12))
def test_the_split_of_the_reads_changes_nothing(cuts):
    assert read(*pieces(MESSY_STREAM, cuts)) == MESSY_EVENTS


def test_byte_by_byte_changes_nothing():
    assert read(*(bytes([byte]) for byte in MESSY_STREAM)) == MESSY_EVENTS


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\x00", b"\n")), st.integers(min_value=0))
def test_the_split_of_arbitrary_bytes_changes_nothing(data, cut):
    assert read(*pieces(data, [cut])) == read(data)


def test_returns_an_event_as_soon_as_its_blank_line_is_there():
    parser = SSEParser()

    assert parser.feed(b"data: a") == []
    assert parser.feed(b"\n") == []
    assert parser.feed(b"\n") == [Event(b"a")]


def test_a_cr_ends_the_event_without_waiting_for_its_lf():
    parser = SSEParser()

    assert parser.feed(b"data: a\r\n\r") == [Event(b"a")]
    assert parser.feed(b"\ndata: b\r\n\r\n") == [Event(b"b")]


@pytest.mark.parametrize("split", [[b"data: 0123456789\n\n"], [b"data: 01234", b"56789", b"\n\n"]])
def test_refuses_an_event_over_the_limit_however_it_arrives(split):
    parser = SSEParser(max_event_bytes=12)

    with pytest.raises(EventTooLargeError):
        [parser.feed(data) for data in split]


def test_many_small_events_in_one_read_are_not_too_large():
    assert len(SSEParser(max_event_bytes=12).feed(b"data: 1\n\n" * 100)) == 100


def test_a_large_event_in_small_reads_is_kept_whole():
    parser = SSEParser()
    parser.feed(b"data: ")
    for _ in range(3999):
        assert parser.feed(b"x" * 1024) == []

    large, following = parser.feed(b"\n\ndata: next\n\n")

    assert len(large.data) == 3999 * 1024
    assert following == Event(b"next")


@pytest.mark.parametrize(
    "line", [b"DATA: %s", b" data: %s", b"data : %s", b"\tData\t:%s", b"\xef\xbb\xbfdata: %s", b"message: %s"]
)
def test_data_in_another_spelling_is_data(line):
    said = b'{"text": "x"}'

    assert read(b"data: a\n\n" + line % said + b"\n\n") == [Event(b"a"), Event(said)]
    assert read(b"EVENT: odd\n" + line % said + b"\n" + line % b"[]" + b"\n\n") == [
        Event(said + b"\n[]", "odd")
    ]


@pytest.mark.parametrize("line", [b": %s", b" : %s", b"id: %s", b"ID: %s", b"retry: %s"])
def test_comments_and_other_fields_are_no_data(line):
    assert read(line % b'{"text": "x"}' + b"\n\n") == []


@pytest.mark.parametrize(
    "text", [b"Look:\n data: 5", b"a\nNote: b\nc", b"a\nid: 5\nevent: 6\nc", b"a\nDATA: {}\nb"]
)
def test_a_raw_line_end_in_a_text_costs_nothing_of_it(text):
    said = b'{"text": "%s"}' % text

    assert read(b"data: " + said + b"\nid: 7\nother: 8\n\n") == [Event(said)]
