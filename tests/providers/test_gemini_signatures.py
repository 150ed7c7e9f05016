"""Thought signatures reach the client inside tool call ids and come back to the model that made them."""

from base64 import b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.adapters.gemini.chat.signatures import SENTINEL, signed_id, split_id
from tests.factories import make_offer
from tests.providers.gemini_histories import (
    GEMINI_3,
    GEMINI_25,
    SIGNATURE,
    assistant,
    call,
    result,
    send,
    user,
)


def test_signature_goes_to_the_client_in_the_call_id_and_comes_back():
    answer = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {
                            "functionCall": {"id": "fc-1", "name": "get_weather", "args": {"city": "Rome"}},
                            "thoughtSignature": SIGNATURE,
                        },
                        {"functionCall": {"id": "fc-2", "name": "get_weather", "args": {"city": "Oslo"}}},
                    ],
                },
                "finishReason": "STOP",
            }
        ]
    }
    offer = make_offer(provider="gemini", model=GEMINI_3)
    message = CODEC.parse(orjson.dumps(answer), offer).choices[0]["message"]
    ids = [entry["id"] for entry in message["tool_calls"]]

    contents = send([user("?"), message, result(ids[0], "hot"), result(ids[1], "cold")])["contents"]

    assert contents[1] == answer["candidates"][0]["content"]
    assert [part["functionResponse"]["id"] for part in contents[2]["parts"]] == ["fc-1", "fc-2"]
    assert ids[1] == "fc-2"


def test_signature_of_another_model_is_not_given_back():
    call_id = signed_id("fc-1", SIGNATURE, GEMINI_25)

    newest = send([user("?"), assistant(tool_calls=[call(call_id)]), result(call_id, "x")], GEMINI_3)
    older = send([user("?"), assistant(tool_calls=[call(call_id)]), result(call_id, "x")], "gemini-2.5-pro")

    assert newest["contents"][1]["parts"][0]["thoughtSignature"] == SENTINEL
    assert "thoughtSignature" not in older["contents"][1]["parts"][0]
    assert older["contents"][1]["parts"][0]["functionCall"]["id"] == "fc-1"


@given(data=st.binary(min_size=1), call_id=st.text(st.characters(exclude_characters="_"), max_size=20))
def test_signed_ids_are_safe_and_can_be_taken_apart(data, call_id):
    signature = b64encode(data).decode()

    signed = signed_id(call_id, signature, GEMINI_3)

    suffix = signed.removeprefix(call_id)
    assert suffix.isascii()
    assert all(character.isalnum() or character in "_-" for character in suffix)
    assert split_id(signed, GEMINI_3) == (call_id, signature)
    assert split_id(signed, GEMINI_25) == (call_id, None)


@pytest.mark.parametrize(
    "foreign", ["call_abc", "", "call__sig_abc", "x__sig_short_!", "AbC123xyz", "a_sig_b"]
)
def test_foreign_ids_stay_as_they_are(foreign):
    assert split_id(foreign, GEMINI_3) == (foreign, None)


def test_signature_that_is_no_base64_is_left_out():
    assert signed_id("fc-1", "not base64!", GEMINI_3) == "fc-1"
