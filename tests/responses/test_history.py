"""Items of a history -> messages that every upstream takes, in whatever order clients put them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.endpoints.responses.wire.request import parse, read
from apps.providers.adapters.chat import codec_for
from tests.factories import make_offer
from tests.gateway.conftest import SHIPPED
from tests.responses.conftest import FORECAST, TOOL, body
from tests.responses.nothing import Nothing

ONE, OTHER = "0" * 32, "1" * 32
ASKED = {"role": "user", "content": "Rome and Oslo?"}
TEXT = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "b3BhcXVl"}


def call(name: str, **members: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": name, "name": "get_weather", "arguments": "{}", **members}


def out(name: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": name, "output": f"of {name}"}


def messages(*history: Any) -> list[dict[str, Any]]:
    return parse(read(body(input=list(history), tools=[TOOL, FORECAST])), Nothing()).chat.body["messages"]


def upstream(*history: Any, provider: str = "groq") -> list[dict[str, Any]]:
    """As the provider is told."""
    chat = parse(read(body(input=list(history), tools=[TOOL, FORECAST])), Nothing()).chat
    offer = make_offer(provider=provider, preset=SHIPPED[provider])
    return orjson.loads(codec_for(offer).build(chat, offer).body)["messages"]


@pytest.mark.parametrize(
    "history",
    [
        [TEXT, call("a"), call("b"), out("a"), out("b")],
        [call("a"), TEXT, out("a"), call("b"), out("b")],
        [TEXT, call("a"), out("a"), call("b"), out("b")],
        [TEXT, call("a"), call("b"), out("b"), out("a")],
        [THOUGHT, TEXT, call("a"), call("b"), out("a"), out("b")],
        [call("a"), call("b"), TEXT, out("a"), out("b")],
        [TEXT, call("a", id=f"fc_{ONE}_0"), out("a"), call("b", id=f"fc_{ONE}_1"), out("b")],
    ],
)
def test_all_orders_are_one_turn_of_calls_and_results(history: list[Any]):
    user, turn, *results = upstream(ASKED, *history)

    assert user == ASKED
    assert (turn["role"], turn["content"]) == ("assistant", "I look.")
    assert [each["id"] for each in turn["tool_calls"]] == ["a", "b"]
    assert [(each["role"], each["tool_call_id"], each["content"]) for each in results] == [
        ("tool", "a", "of a"),
        ("tool", "b", "of b"),
    ]


@pytest.mark.parametrize(
    "history",
    [
        [call("a"), out("a"), THOUGHT, call("b"), out("b")],
        [call("a"), out("a"), TEXT, call("b"), out("b")],
        [call("a", id=f"fc_{ONE}_0"), out("a"), call("b", id=f"fc_{OTHER}_0"), out("b")],
    ],
)
def test_two_turns_stay_two(history: list[Any]):
    roles = [each["role"] for each in upstream(ASKED, *history)]

    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_result_without_its_call_is_what_the_user_said():
    told = upstream(ASKED, out("lost"), {"role": "user", "content": "So?"})

    assert {each["role"] for each in told} == {"user"}
    assert "of lost" in orjson.dumps(told).decode()


def test_a_result_behind_something_else_is_brought_back():
    told = upstream(ASKED, call("a"), {"role": "user", "content": "Wait."}, out("a"))

    assert [each["role"] for each in told] == ["user", "assistant", "tool", "user"]


def test_images_and_files_of_a_result_come_right_behind_the_results():
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "original"}
    output = {
        "type": "function_call_output",
        "call_id": "a",
        "output": [picture, {"type": "input_text", "text": "x"}],
    }

    told = messages(ASKED, call("a"), call("b"), output, out("b"))

    assert [each["role"] for each in told] == ["user", "assistant", "tool", "tool", "user"]
    assert told[2]["content"] == "x"
    assert told[4]["content"][0]["image_url"] == {"url": picture["image_url"], "detail": "high"}


def test_instructions_come_first_and_developers_where_they_are():
    developer = {"role": "developer", "content": [{"type": "input_text", "text": text} for text in "ab"]}

    asked = parse(read(body(input=[developer, ASKED], instructions="First.")), Nothing())

    assert asked.chat.body["messages"] == [
        {"role": "system", "content": "First."},
        {"role": "developer", "content": "a\nb"},
        ASKED,
    ]


def test_a_custom_call_is_a_function_with_one_text():
    made = {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": 'a "b"\n'}

    function = messages(ASKED, made)[1]["tool_calls"][0]["function"]

    assert (function["name"], orjson.loads(function["arguments"])) == ("apply_patch", {"input": 'a "b"\n'})


ITEMS = st.lists(
    st.sampled_from(
        [
            *(ASKED, TEXT, THOUGHT),
            *(call(name) for name in "abc"),
            *(out(name) for name in "abc"),
            {"type": "item_reference", "id": "rs_lost"},
        ]
    ),
    max_size=12,
)


@given(ITEMS)
def test_whatever_comes_is_a_legal_chat(history):
    told = upstream(ASKED, *history)

    waiting: list[str] = []
    for message in told:
        if waiting:
            assert (message["role"], message["tool_call_id"]) == ("tool", waiting.pop(0))
        else:
            assert message["role"] != "tool"
            waiting = [each["id"] for each in message.get("tool_calls", ())]
    assert not waiting
