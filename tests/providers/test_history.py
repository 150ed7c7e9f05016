"""What is put right in a history before any wire says it in its own words."""

import copy
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.gemini.chat.signatures import signed_id
from apps.providers.adapters.shared.history import (
    ORPHAN,
    alnum9,
    is_silent,
    modernised,
    named_args,
    paired,
    signed_parts,
    text_of,
    unsigned,
)
from tests.providers.gemini_histories import SIGNATURE, assistant, call, result, user

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
NO_ANSWER = '{"error":"The call was not answered."}'


def messages_of(*history):
    return [message for _, message in paired(list(history))]


def test_a_history_in_order_stays_as_it_is():
    history = [
        {"role": "system", "content": "Be kind."},
        user("?"),
        assistant(tool_calls=[call("a"), call("b")]),
        result("a", "1"),
        result("b", "2"),
        assistant("Done."),
        user("Thanks"),
    ]

    assert paired(history) == list(enumerate(history))


def test_results_follow_their_calls_in_their_order_and_what_was_said_comes_after():
    turn = assistant(tool_calls=[call("a"), call("b")])

    fitted = messages_of(user("?"), turn, result("b", "2"), user("Hurry"), result("a", "1"), user("Well?"))

    assert fitted == [user("?"), turn, result("a", "1"), result("b", "2"), user("Hurry"), user("Well?")]


@pytest.mark.parametrize("after", [[], [user("?")], [assistant("I gave up.")]])
def test_a_call_that_was_never_answered_gets_an_error_as_its_result(after):
    turn = assistant(tool_calls=[call("a"), call("b")])

    assert messages_of(turn, result("b", "2"), *after) == [
        turn,
        result("a", NO_ANSWER),
        result("b", "2"),
        *after,
    ]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("42", f"{ORPHAN}42"),
        ([{"type": "text", "text": "42"}], f"{ORPHAN}42"),
        (["42", IMAGE], [{"type": "text", "text": f"{ORPHAN}42"}, IMAGE]),
    ],
)
def test_a_result_without_its_call_is_kept_as_what_the_user_said(content, kept):
    assert messages_of(result("lost", content), user("And?")) == [user(kept), user("And?")]


def test_a_second_result_of_one_call_and_one_of_an_older_turn_have_no_call():
    turns = [assistant(tool_calls=[call("a")]), assistant(tool_calls=[call("b")])]

    fitted = messages_of(
        turns[0], result("a", "1"), result("a", "2"), turns[1], result("a", "3"), result("b", "4")
    )

    assert fitted == [
        turns[0],
        result("a", "1"),
        user(f"{ORPHAN}2"),
        turns[1],
        result("b", "4"),
        user(f"{ORPHAN}3"),
    ]


def test_positions_are_those_of_the_clients_messages():
    history = [user("?"), assistant(tool_calls=[call("a"), call("b")]), user("!"), result("b", "2")]

    assert [position for position, _ in paired(history)] == [0, 1, 1, 3, 2]


IDS = st.sampled_from(["a", "b", "", "call_abc", signed_id("fc-1", SIGNATURE, "m")])
HISTORIES = st.lists(
    st.one_of(
        st.builds(user, st.sampled_from(["", "text"])),
        st.builds(lambda ids: assistant(tool_calls=[call(each) for each in ids]), st.lists(IDS, max_size=3)),
        st.builds(result, IDS, st.sampled_from(["", "x"])),
    ),
    max_size=12,
)


@given(history=HISTORIES)
def test_any_history_is_paired_once_and_for_all_and_stays_unchanged(history):
    before = copy.deepcopy(history)

    fitted = messages_of(*history)

    assert history == before
    assert messages_of(*fitted) == fitted
    waiting: list[str] = []
    for message in fitted:
        if message["role"] == "tool":
            assert message["tool_call_id"] == waiting.pop(0)
        else:
            assert not waiting
            waiting = [each["id"] for each in message.get("tool_calls", ())]
    assert not waiting


@pytest.mark.parametrize("tool_id", ["call_abc", "", "call__sig_abc", "a_sig_b", "abcDEF123"])
def test_ids_without_a_signature_stay_as_they_are(tool_id):
    assert unsigned(tool_id) == tool_id


def test_a_signature_is_taken_off_an_id():
    assert unsigned(signed_id("fc-1", SIGNATURE, "m")) == "fc-1"
    assert len(unsigned(signed_id("", SIGNATURE, "m"))) == 9


@given(tool_id=st.text())
def test_nine_letters_and_digits_depend_on_the_id_alone(tool_id):
    short = alnum9(tool_id)

    assert len(short) == 9 and short.isascii() and short.isalnum()
    assert alnum9(tool_id) == short == alnum9(short)


@pytest.mark.parametrize(
    ("message", "silent"),
    [
        (assistant(None), True),
        (assistant("", reasoning_content="hm"), True),
        (assistant([], tool_calls=[]), True),
        (assistant("x"), False),
        (assistant(None, refusal="No."), False),
        (assistant(tool_calls=[call("a")]), False),
        (assistant(None, audio={"id": "audio_1"}), False),
        (user(""), False),
    ],
)
def test_turns_that_say_nothing(message, silent):
    assert is_silent(message) is silent


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("x", "x"),
        (None, ""),
        (7, ""),
        (["a", {"type": "text", "text": "b"}, {"type": "refusal", "refusal": "c"}, IMAGE, 7], "a\nb\nc"),
    ],
)
def test_text_of_content(content, text):
    assert text_of(content) == text


def test_a_custom_tools_input_becomes_an_argument():
    custom = {"id": "a", "type": "custom", "custom": {"name": "shell", "input": "ls"}}

    assert named_args(custom) == ("shell", {"input": "ls"})


def test_a_legacy_result_without_its_call_gets_an_id_of_its_own():
    history = modernised([{"role": "function", "name": "f", "content": "1"}])

    assert history[0]["tool_call_id"].startswith("call_")
    assert messages_of(*history) == [user(f"{ORPHAN}1")]


def test_thousands_of_calls_with_the_same_id_are_paired_in_time():
    calls = [call("c") for _ in range(8_000)]
    began = time.process_time()

    said = messages_of(assistant(tool_calls=calls), *(result("c", str(at)) for at in range(8_000)))

    assert time.process_time() - began < 1
    assert [message["content"] for message in said[1:]] == [str(at) for at in range(8_000)]


@pytest.mark.parametrize("end", ["", "!", "_", "__sig_"])
def test_an_id_of_many_signatures_is_read_in_time(end):
    began = time.process_time()

    unsigned("__sig_aaaaaa_" * 80_000 + end)

    assert time.process_time() - began < 1


@given(
    st.lists(st.sampled_from(["__sig_", "aB3-_z", "abcdef_", "_", "!", "\n", "é", "call"]), max_size=8).map(
        "".join
    )
)
def test_a_signature_is_what_reaches_to_the_end(text):
    plain = re.fullmatch(r"(.*?)__sig_([0-9A-Za-z]{6})_([-_0-9A-Za-z]+)", text, re.DOTALL)

    assert signed_parts(text) == (plain and plain.groups())
