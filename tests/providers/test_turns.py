"""The order of roles that each provider's file asks for."""

import copy

import pytest

from apps.providers.adapters.shared.turns import BRIDGE, GO_ON, MEDIA, OPENING, arranged, with_media_after
from apps.providers.wires import Turns

SYSTEM = {"role": "system", "content": "Be kind."}
LATE = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hi"}
CALLING = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "31"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
FIRST = Turns(system="first")
TURNS = Turns(system="first", alternate=True, user_first=True, last=frozenset({"user", "tool"}))


def said(text):
    return {"role": "user", "content": text}


@pytest.mark.parametrize(
    ("turns", "messages", "expected"),
    [
        (Turns(), [USER, LATE, ANSWER, ANSWER], [USER, LATE, ANSWER, ANSWER]),
        (FIRST, [SYSTEM, USER, LATE], [SYSTEM, USER, said("Be brief.")]),
        (FIRST, [SYSTEM, LATE, USER], [SYSTEM, LATE, USER]),
        (FIRST, [SYSTEM], [said("Be kind.")]),
        (FIRST, [SYSTEM, LATE], [SYSTEM, said("Be brief.")]),
        (Turns(system="nowhere"), [SYSTEM, USER], [said("Be kind."), USER]),
        (TURNS, [SYSTEM, LATE, USER], [SYSTEM | {"content": "Be kind.\n\nBe brief."}, USER]),
        (TURNS, [USER, LATE], [said("Hello\n\nBe brief.")]),
        (
            TURNS,
            [USER, USER, ANSWER, ANSWER, USER],
            [said("Hello\n\nHello"), ANSWER | {"content": "Hi\n\nHi"}, USER],
        ),
        (TURNS, [USER, ANSWER, CALLING, RESULT], [USER, ANSWER | {"tool_calls": [{"id": "a"}]}, RESULT]),
        (TURNS, [USER, CALLING, RESULT, RESULT], [USER, CALLING, RESULT, RESULT]),
        (TURNS, [SYSTEM, ANSWER, USER], [SYSTEM, OPENING, ANSWER, USER]),
        (TURNS, [USER, ANSWER], [USER, ANSWER, GO_ON]),
        (TURNS, [], [GO_ON]),
    ],
)
def test_is_fitted_to_what_the_provider_takes(turns, messages, expected):
    before = copy.deepcopy(messages)

    assert arranged(messages, turns) == expected
    assert messages == before


def test_parts_of_messages_that_are_joined_stay_parts():
    picture = {"role": "user", "content": [IMAGE]}

    (joined,) = arranged([USER, picture], TURNS)

    assert joined["content"] == [{"type": "text", "text": "Hello"}, IMAGE]


def test_an_assistant_speaks_between_a_result_and_whoever_is_next():
    assert arranged([CALLING, RESULT, USER], Turns(), bridge=True) == [CALLING, RESULT, BRIDGE, USER]
    assert arranged([CALLING, RESULT, SYSTEM], FIRST, bridge=True) == [
        CALLING,
        RESULT,
        BRIDGE,
        said("Be kind."),
    ]


def test_an_image_in_a_result_is_shown_by_the_user_after_all_results():
    pictured = RESULT | {"content": [{"type": "text", "text": "Done"}, IMAGE]}

    fitted = with_media_after([CALLING, pictured, RESULT, ANSWER])

    assert fitted == [
        CALLING,
        RESULT | {"content": "Done"},
        RESULT,
        {"role": "user", "content": [MEDIA, IMAGE]},
        ANSWER,
    ]
