"""Histories become messages that Cohere takes: the strict fake's rules are the judge (see `sent`)."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.gemini.chat.signatures import signed_id
from apps.providers.errors import ErrorKind
from tests.providers.cohere_wire import OFFER, THINKER, call, failure, sent
from tests.providers.gemini_histories import GEMINI_3, SIGNATURE, assistant, result, user

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def messages(*history, offer=OFFER, **body):
    return sent(offer, messages=list(history), **body)["messages"]


def test_roles_and_text():
    fitted = messages(
        {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}], "name": "ann"},
        assistant("Hi.", reasoning_content="hm", refusal=None, annotations=[]),
        user("Why?"),
    )

    assert fitted == [
        {"role": "system", "content": "Be\nkind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Why?"},
    ]


def test_images_keep_their_place_and_lose_what_cohere_does_not_know():
    content = [
        {"type": "text", "text": "See", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low", "format": "png"}},
        {"type": "image_url", "image_url": "https://upstream.test/a.png"},
        {"type": "text", "text": ""},
    ]

    assert messages(user(content))[0]["content"] == [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://upstream.test/a.png"}},
    ]


@pytest.mark.parametrize(
    ("history", "param"),
    [
        ([user([{"type": "input_audio", "input_audio": {}}])], "messages[0].content[0]"),
        (
            [user("?"), assistant(tool_calls=[call("a")]), result("a", [{"type": "image_url"}])],
            "messages[2].content[0]",
        ),
    ],
)
def test_parts_that_cohere_does_not_have(history, param):
    error = failure(messages, *history)

    assert (error.kind, error.param) == (ErrorKind.REFUSED, param)


def test_parallel_calls_and_their_results_in_the_order_of_the_calls():
    calls = [call("a"), call("b", arguments='{"city":"Oslo"}')]

    fitted = messages(user("?"), assistant(tool_calls=calls), result("b", "cold"), result("a", "hot"))

    assert fitted[1:] == [
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "hot"},
        {"role": "tool", "tool_call_id": "b", "content": "cold"},
    ]


def test_text_beside_calls_is_the_plan_or_a_thought_where_the_model_thinks():
    history = (user("?"), assistant("I will look.", tool_calls=[call("a")]), result("a", "hot"))

    assert messages(*history)[1]["tool_plan"] == "I will look."
    assert messages(*history, offer=THINKER, reasoning_effort="none")[1]["tool_plan"] == "I will look."
    assert messages(*history, offer=THINKER)[1]["content"] == [
        {"type": "thinking", "thinking": "I will look."}
    ]


def test_ids_with_signatures_are_shortened_alike_in_call_and_result():
    signed = signed_id("fc-1", SIGNATURE, GEMINI_3)

    fitted = messages(user("?"), assistant(tool_calls=[call(signed)]), result(signed, "hot"))

    assert fitted[1]["tool_calls"][0]["id"] == fitted[2]["tool_call_id"] == "fc-1"


@pytest.mark.parametrize(("name", "theirs"), [("get-weather", "get_weather"), ("2nd", "_2nd")])
def test_a_name_that_is_no_longer_offered_is_made_to_fit(name, theirs):
    fitted = messages(user("?"), assistant(tool_calls=[call("a", name)]), result("a", "hot"))

    assert fitted[1]["tool_calls"][0]["function"]["name"] == theirs


def test_turns_that_say_nothing_are_left_out():
    assert messages(user("a"), assistant(""), assistant(None), user(""), user("b")) == [user("a"), user("b")]


def test_a_refusal_is_what_the_assistant_said():
    assert messages(user("a"), assistant(None, refusal="No."), user("b"))[1]["content"] == "No."


IDS = st.sampled_from(["a", "b", "call_abc", "D681PevKs", signed_id("fc-1", SIGNATURE, GEMINI_3)])
TEXTS = st.sampled_from(["", "text", '{"json":1}', "{broken"])
HISTORIES = st.lists(
    st.one_of(
        st.builds(user, TEXTS),
        st.builds(assistant, TEXTS | st.none()),
        st.builds(
            lambda text, ids: assistant(text, tool_calls=[call(call_id, arguments=text) for call_id in ids]),
            TEXTS | st.none(),
            st.lists(IDS, min_size=1, max_size=3, unique=True),
        ),
        st.builds(result, IDS, TEXTS),
        st.builds(lambda text: {"role": "system", "content": text}, TEXTS),
    ),
    max_size=12,
)


@given(history=HISTORIES, offer=st.sampled_from([OFFER, THINKER]))
def test_any_history_is_one_that_cohere_takes_and_stays_unchanged(history, offer):
    before = copy.deepcopy(history)

    messages(*history, offer=offer)

    assert history == before
