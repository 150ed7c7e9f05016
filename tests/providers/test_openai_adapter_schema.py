"""What goes out in OpenAI's dialect is what its schema has, at every depth."""

import orjson
import pytest

from apps.providers.adapters.openai.chat import CODEC
from apps.providers.presets import parse_preset
from tests.factories import make_offer, make_request

USER = {"role": "user", "content": "Hi"}
EXACT = {"exact": True}
EMPTY = {"type": "object", "properties": {}}


def sent(wire=None, **body):
    body = {"messages": [USER]} | body
    offer = make_offer(preset=parse_preset(wire or {}))
    return orjson.loads(CODEC.build(make_request(body=body), offer).body)


def called(arguments="{}", **more):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}} | more
    assistant = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [USER, assistant, {"role": "tool", "tool_call_id": "c1", "content": "x"}]


def parameters(wire, *given):
    tools = [
        {"type": "function", "function": {"name": "f", **({"parameters": one} if one != ... else {})}}
        for one in given
    ]
    return [tool["function"].get("parameters") for tool in sent(wire, tools=tools)["tools"]]


def test_nulls_are_left_out_at_every_depth_but_inside_of_schemas():
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "default": None}}}
    messages = [
        USER | {"name": None},
        {"role": "assistant", "content": "Hi", "tool_calls": None, "refusal": None},
        USER,
    ]
    function = {"name": "f", "description": None, "strict": None, "parameters": schema}

    body = sent(
        temperature=None, seed=None, messages=messages, tools=[{"type": "function", "function": function}]
    )

    assert body.keys() == {"model", "messages", "tools"}
    assert body["messages"] == [USER, {"role": "assistant", "content": "Hi"}, USER]
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": schema}}]


@pytest.mark.parametrize(
    ("given", "goes_out"),
    [
        ("", {}),
        ("  ", {}),
        ("null", {}),
        ('{"a": 1}', {"a": 1}),
        ('{"a": ', {"input": '{"a": '}),
        ("[1]", {"input": [1]}),
        ('"text"', {"input": "text"}),
    ],
)
def test_arguments_are_a_json_object(given, goes_out):
    call = sent(messages=called(given))["messages"][1]["tool_calls"][0]

    assert orjson.loads(call["function"]["arguments"]) == goes_out


def test_arguments_that_are_an_object_stay_to_the_letter():
    call = sent(messages=called('{"a":  1.0}'))["messages"][1]["tool_calls"][0]

    assert call["function"]["arguments"] == '{"a":  1.0}'


def test_empty_lists_of_calls_are_left_out():
    messages = sent(messages=[USER, {"role": "assistant", "content": "Hi", "tool_calls": []}, USER])[
        "messages"
    ]

    assert messages[1] == {"role": "assistant", "content": "Hi"}


def test_parameters_are_an_object_that_says_its_properties():
    assert (
        parameters({}, ..., None, {"type": "object"}, {"type": "object", "properties": None}) == [EMPTY] * 4
    )
    assert parameters(EXACT, {}) == [EMPTY]


def test_schemas_are_whole_inside_too_where_that_is_asked_for():
    inside = {
        "list": {"type": "array"},
        "free": {"type": "object"},
        "maybe": {"type": ["array", "null"]},
        "text": {"enum": ["array"]},
    }
    whole = {
        "list": {"type": "array", "items": {}},
        "free": {"type": "object", "properties": {}},
        "maybe": {"type": ["array", "null"], "items": {}},
        "text": {"enum": ["array"]},
    }
    given = {"type": "object", "properties": inside}

    assert parameters({"whole_schemas": True}, given, {}) == [{"type": "object", "properties": whole}, EMPTY]
    assert parameters({}, given) == [given]


def test_keys_beyond_the_schema_go_nowhere_where_it_is_exact_and_through_elsewhere():
    mark = {"cache_control": {"type": "ephemeral"}}
    part = {"type": "text", "text": "Hi", **mark}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": None, **mark}}
    messages = [{"role": "user", "content": [part, image], "name": "ann", **mark}]
    tools = [{"type": "function", "function": {"name": "f", "parameters": EMPTY, **mark}, **mark}]

    exact = sent(EXACT, messages=messages, tools=tools)
    loose = sent(messages=messages, tools=tools)

    assert exact["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            ],
        }
    ]
    assert exact["tools"] == [{"type": "function", "function": {"name": "f", "parameters": EMPTY}}]
    assert loose["messages"][0]["content"][0] == part
    assert loose["messages"][0]["name"] == "ann"
    assert loose["tools"] == tools


def test_a_custom_tools_call_is_told_as_a_functions_where_there_are_no_others():
    messages = called(type="custom", custom={"name": "patch", "input": "***"}, function=None)

    (call,) = sent(EXACT, messages=messages)["messages"][1]["tool_calls"]

    assert call == {
        "id": "c1",
        "type": "function",
        "function": {"name": "patch", "arguments": '{"input":"***"}'},
    }


def test_thoughts_in_parts_are_not_given_back_and_a_refusal_is_text():
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "refusal", "refusal": "No."}]
    messages = [USER, {"role": "assistant", "content": parts}, USER]

    assert sent(messages=messages)["messages"][1]["content"] == [{"type": "text", "text": "No."}]
    assert sent({"string_content_roles": ["assistant"]}, messages=messages)["messages"][1]["content"] == "No."


def test_top_logprobs_go_with_logprobs_only_and_stops_are_not_empty():
    assert sent(top_logprobs=2, logprobs=False, stop=[]).keys() == {"model", "messages", "logprobs"}
    assert sent(stop=["", "a"])["stop"] == ["a"]


def test_a_picture_goes_by_the_type_that_upstreams_know():
    link = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/"}}

    (message,) = sent(messages=[{"role": "user", "content": [link]}])["messages"]

    assert message["content"][0]["image_url"]["url"] == "data:image/jpeg;base64,/9j/"


def test_a_plain_history_in_a_usual_order_is_sent_as_it_is():
    messages = [{"role": "system", "content": "s"}, USER, {"role": "assistant", "content": "a"}, USER]
    wire = {"exact": True, "turns": {"system": "first", "alternate": True}, "roles": {"developer": "system"}}

    assert sent(wire, messages=messages)["messages"] == messages
