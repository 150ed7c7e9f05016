"""Histories become turns that Gemini takes: the strict fake's rules are the judge."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.gemini.chat.contents import GO_ON, OPENING
from apps.providers.adapters.gemini.chat.signatures import SENTINEL, signed_id
from apps.providers.adapters.shared.history import UNANSWERED
from tests.providers.gemini_histories import (
    GEMINI_3,
    GEMINI_25,
    GEMMA_3,
    SIGNATURE,
    assistant,
    call,
    refused,
    result,
    send,
    user,
)


def test_joins_system_and_developer_messages_into_the_system_instruction():
    payload = send(
        [
            {"role": "system", "content": "Be brief."},
            user("Hello"),
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        ]
    )

    assert payload["systemInstruction"] == {"parts": [{"text": "Be brief.\n\nBe kind."}]}
    assert payload["contents"] == [{"role": "user", "parts": [{"text": "Hello"}]}]


def test_gemma_3_reads_the_system_message_at_the_head_of_the_first_turn():
    payload = send([{"role": "system", "content": "Be brief."}, user("Hello")], GEMMA_3)

    assert "systemInstruction" not in payload
    assert payload["contents"] == [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "Hello"}]}]


def test_merges_turns_of_the_same_side():
    contents = send([user("a"), user("b"), assistant("c"), assistant("d"), user("e")])["contents"]

    assert contents == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "parts": [{"text": "e"}]},
    ]


def test_history_that_begins_and_ends_with_the_assistant_gets_neutral_user_turns():
    contents = send([assistant("Welcome!"), user("Hi"), assistant("The answer is")])["contents"]

    assert contents[0] == {"role": "user", "parts": [{"text": OPENING}]}
    assert contents[-1] == {"role": "user", "parts": [{"text": GO_ON}]}


@pytest.mark.parametrize("messages", [[], [user("")], [{"role": "system", "content": "Begin."}]])
def test_history_without_any_turn_gets_the_opening(messages):
    assert send(messages)["contents"] == [{"role": "user", "parts": [{"text": OPENING}]}]


def test_parallel_calls_are_answered_in_one_turn_in_the_order_of_the_calls():
    messages = [
        user("Weather in Rome and Oslo?"),
        assistant("Let me see.", tool_calls=[call("a"), call("b", arguments='{"city":"Oslo"}')]),
        result("b", "cold"),
        result("a", '{"degrees":31}'),
        user("And?"),
    ]

    contents = send(messages)["contents"]

    assert contents[1]["parts"] == [
        {"text": "Let me see."},
        {
            "functionCall": {"id": "a", "name": "get_weather", "args": {"city": "Rome"}},
            "thoughtSignature": SENTINEL,
        },
        {"functionCall": {"id": "b", "name": "get_weather", "args": {"city": "Oslo"}}},
    ]
    assert contents[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "get_weather", "response": {"degrees": 31}}},
            {"functionResponse": {"id": "b", "name": "get_weather", "response": {"output": "cold"}}},
            {"text": "And?"},
        ],
    }


def test_call_without_a_result_is_answered_with_an_error():
    contents = send([user("?"), assistant(tool_calls=[call("a"), call("b")]), result("b", "x"), user("!")])[
        "contents"
    ]

    responses = [part["functionResponse"]["response"] for part in contents[2]["parts"][:2]]
    assert responses == [UNANSWERED, {"output": "x"}]


def test_result_without_its_call_is_kept_as_text():
    contents = send([result("call_lost", "42"), user("And now?")])["contents"]

    assert contents[0]["parts"] == [
        {"text": "Result of an earlier tool call: 42"},
        {"text": "And now?"},
    ]


def test_the_same_id_in_two_turns_belongs_to_each_turns_own_call():
    messages = [
        user("?"),
        assistant(tool_calls=[call("0", "first")]),
        result("0", "one"),
        assistant(tool_calls=[call("0", "second")]),
        result("0", "two"),
    ]

    contents = send(messages)["contents"]

    assert contents[2]["parts"][0]["functionResponse"] == {
        "id": "0",
        "name": "first",
        "response": {"output": "one"},
    }
    assert contents[4]["parts"][0]["functionResponse"]["name"] == "second"


def test_calls_of_one_turn_that_share_an_id_are_answered_in_order():
    calls = [call("x", "first"), call("x", "second")]

    contents = send([user("?"), assistant(tool_calls=calls), result("x", "one"), result("x", "two")])[
        "contents"
    ]

    responses = [part["functionResponse"] for part in contents[2]["parts"]]
    assert [(each["name"], each["response"]["output"]) for each in responses] == [
        ("first", "one"),
        ("second", "two"),
    ]


def test_legacy_function_messages_become_calls_and_responses():
    messages = [
        user("?"),
        assistant(function_call={"name": "get_time", "arguments": "{}"}),
        {"role": "function", "name": "get_time", "content": "noon"},
    ]

    contents = send(messages)["contents"]

    assert contents[1]["parts"][0]["functionCall"]["name"] == "get_time"
    assert contents[2]["parts"][0]["functionResponse"]["response"] == {"output": "noon"}


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        ("", {}),
        (None, {}),
        ("{}", {}),
        ("[1]", {"input": [1]}),
        ("not json", {"input": "not json"}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_arguments_always_become_an_object(arguments, args):
    contents = send([user("?"), assistant(tool_calls=[call("a", arguments=arguments)]), result("a", "x")])[
        "contents"
    ]

    assert contents[1]["parts"][0]["functionCall"]["args"] == args


def test_gemma_3_takes_no_history_with_tool_calls():
    error = refused([user("?"), assistant(tool_calls=[call("a")]), result("a", "x")], GEMMA_3)

    assert error.param == "messages[1].tool_calls"


IDS = st.sampled_from(["a", "b", "call_abc", "D681PevKs", signed_id("fc-1", SIGNATURE, GEMINI_3)])
TEXTS = st.sampled_from(["", "text", '{"json":1}', "{broken"])
MESSAGES = st.lists(
    st.one_of(
        st.builds(user, TEXTS),
        st.builds(assistant, TEXTS | st.none()),
        st.builds(
            lambda text, ids: assistant(text, tool_calls=[call(call_id) for call_id in ids]),
            TEXTS | st.none(),
            st.lists(IDS, min_size=1, max_size=3),
        ),
        st.builds(result, IDS, TEXTS),
        st.builds(lambda text: {"role": "system", "content": text}, TEXTS),
    ),
    max_size=12,
)


@given(messages=MESSAGES, model=st.sampled_from([GEMINI_3, GEMINI_25]))
def test_any_history_is_one_that_gemini_takes_and_stays_unchanged(messages, model):
    before = copy.deepcopy(messages)

    send(messages, model)

    assert messages == before
