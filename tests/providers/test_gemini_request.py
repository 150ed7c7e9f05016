"""Chat requests in Gemini's words: address, options, tools, JSON mode, thinking."""

import copy
from typing import Any

import orjson
import pytest

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Preset
from tests.factories import API_KEY, make_offer, make_request

GEMINI_3, GEMINI_25 = "gemini-3-flash-preview", "gemini-2.5-flash"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": ["string", "null"]}},
            "additionalProperties": False,
        },
        "strict": True,
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}


def gemini(model=GEMINI_3, **overrides):
    preset = Preset(wire="gemini", stop_max=5)
    return make_offer(**({"provider": "gemini", "model": model, "preset": preset} | overrides))


def payload_of(body=None, offer=None, **fields) -> dict[str, Any]:
    request = make_request(body={"messages": HELLO, **(body or {})}, **fields)
    return orjson.loads(CODEC.build(request, offer or gemini()).body)


def config_of(body=None, offer=None, **fields) -> dict[str, Any]:
    return payload_of(body, offer, **fields).get("generationConfig", {})


def refusal_of(body, offer=None) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        payload_of(body, offer)
    assert caught.value.kind is ErrorKind.REFUSED
    return caught.value


def test_plain_request_goes_to_generate_content_with_the_key_in_its_header():
    offer = gemini(base_url="https://upstream.test/v1beta/")

    call = CODEC.build(make_request(), offer)

    assert call.url == "https://upstream.test/v1beta/models/gemini-3-flash-preview:generateContent"
    assert call.headers["x-goog-api-key"] == API_KEY
    assert API_KEY not in repr(call)
    assert not call.stream
    assert orjson.loads(call.body) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_stream_goes_to_the_stream_endpoint_as_events():
    call = CODEC.build(make_request(stream=True), gemini())

    assert call.url.endswith("/models/gemini-3-flash-preview:streamGenerateContent?alt=sse")
    assert call.stream


def test_model_name_cannot_leave_its_place_in_the_path():
    call = CODEC.build(make_request(), gemini("../../evil?x=1"))

    assert call.url == "https://upstream.test/v1/models/..%2F..%2Fevil%3Fx%3D1:generateContent"


def test_options_get_their_names():
    body = {
        "temperature": 3,
        "top_p": 0.9,
        "top_k": 40,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "seed": 2**40 + 7,
        "n": 3,
        "logprobs": True,
        "top_logprobs": 2,
        "stop": ["a", "b", "", "c", "d", "e", "f"],
    }

    assert config_of(body, max_tokens=4096) == {
        "temperature": 2.0,
        "topP": 0.9,
        "topK": 40,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
        "seed": 7,
        "candidateCount": 3,
        "responseLogprobs": True,
        "logprobs": 2,
        "stopSequences": ["a", "b", "c", "d", "e"],
        "maxOutputTokens": 4096,
    }


def test_neutral_values_and_nulls_are_not_sent():
    body: dict[str, Any] = {
        "n": 1,
        "logprobs": False,
        "stop": None,
        "temperature": None,
        "seed": None,
        "tools": [],
    }

    assert "generationConfig" not in payload_of(body)


def test_cap_keeps_to_what_the_model_can_write():
    assert config_of(offer=gemini(max_output_tokens=8192), max_tokens=100_000)["maxOutputTokens"] == 8192


def test_tools_become_declarations_with_reduced_parameters():
    payload = payload_of({"tools": [WEATHER, TIME]})

    assert payload["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "description": "The weather",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"city": {"type": "STRING", "nullable": True}},
                    },
                },
                {"name": "get_time"},
            ]
        }
    ]
    assert "toolConfig" not in payload


def test_legacy_functions_are_tools():
    payload = payload_of({"functions": [TIME["function"]], "function_call": {"name": "get_time"}})

    assert payload["tools"] == [{"functionDeclarations": [{"name": "get_time"}]}]
    assert payload["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["get_time"]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "get_time"}},
            {"mode": "ANY", "allowedFunctionNames": ["get_time"]},
        ),
    ],
)
def test_tool_choice_is_a_calling_mode(choice, calling):
    payload = payload_of({"tools": [WEATHER, TIME], "tool_choice": choice})

    assert payload["toolConfig"] == {"functionCallingConfig": calling}


@pytest.mark.parametrize(("mode", "calling"), [("auto", None), ("required", {"mode": "ANY"})])
def test_allowed_tools_are_the_only_ones_declared(mode, calling):
    allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "get_time"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}

    payload = payload_of({"tools": [WEATHER, TIME], "tool_choice": choice})

    assert payload["tools"] == [{"functionDeclarations": [{"name": "get_time"}]}]
    assert payload.get("toolConfig", {}).get("functionCallingConfig") == calling


def test_tool_choice_without_tools_is_not_sent():
    assert "toolConfig" not in payload_of({"tool_choice": "auto"})


def test_refuses_tools_that_gemini_does_not_have():
    assert refusal_of({"tools": [{"type": "custom", "custom": {"name": "patch"}}]}).param == "tools[0]"


def test_a_name_that_gemini_does_not_take_is_renamed_wherever_it_stands():
    tools = [{"type": "function", "function": {"name": name}} for name in ("1st", "mcp.fs:read-file", "a b")]

    payload = payload_of({"tools": tools, "tool_choice": tools[2]})

    declared = [declaration["name"] for declaration in payload["tools"][0]["functionDeclarations"]]
    assert declared == ["_1st", "mcp.fs:read-file", "a_b"]
    assert payload["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["a_b"]


def test_json_object_and_json_schema_set_mime_type_and_reduced_schema():
    schema = {"type": "object", "properties": {"a": {"const": "x"}}, "additionalProperties": False}
    json_schema = {"name": "answer", "schema": schema, "strict": True}

    plain = config_of({"response_format": {"type": "json_object"}})
    shaped = config_of({"response_format": {"type": "json_schema", "json_schema": json_schema}})

    assert plain == {"responseMimeType": "application/json"}
    assert shaped == {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "enum": ["x"]}}},
    }
    assert config_of({"response_format": {"type": "text"}}) == {}


def test_json_mode_together_with_tools_is_for_gemini_3_only():
    body = {"tools": [TIME], "response_format": {"type": "json_object"}}

    assert payload_of(body)["tools"]
    assert refusal_of(body, gemini(GEMINI_25)).param == "response_format"


@pytest.mark.parametrize(
    ("body", "param"),
    [({"tools": [TIME]}, "tools"), ({"response_format": {"type": "json_object"}}, "response_format")],
)
def test_gemma_3_takes_neither_tools_nor_json_mode(body, param):
    assert refusal_of(body, gemini("gemma-3-27b-it")).param == param


def test_names_the_fields_that_are_left_out_and_only_those():
    body = {
        "messages": HELLO,
        "temperature": 1,
        "logit_bias": {"5": 1},
        "user": "me",
        "parallel_tool_calls": True,
        "reasoning_effort": "low",
        "stop": list("abcdef"),
        "store": None,
        "seed": 5,
        "x_unknown": 1,
    }
    offer = gemini(preset=Preset(wire="gemini", stop_max=5, drops=frozenset({"seed"})))

    lost = CODEC.dropped(make_request(body=body), offer)

    assert lost == ("logit_bias", "user", "reasoning_effort", "stop", "seed", "x_unknown")
    assert "seed" not in config_of(body, offer)


def test_parallel_tool_calls_false_is_reported_since_gemini_has_no_switch():
    body = {"messages": HELLO, "tools": [TIME], "parallel_tool_calls": False}

    assert CODEC.dropped(make_request(body=body), gemini()) == ("parallel_tool_calls",)


def test_request_stays_as_it_was():
    body = {
        "messages": [
            *HELLO,
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "get_time", "arguments": "{}"},
            },
            {"role": "function", "name": "get_time", "content": "noon"},
        ],
        "functions": [WEATHER["function"]],
        "function_call": "auto",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}},
        },
        "stop": ["a"],
    }
    before = copy.deepcopy(body)

    payload_of(body)

    assert body == before


def test_text_that_is_no_unicode_is_the_candidates_refusal():
    assert refusal_of({"messages": [{"role": "user", "content": "\ud800"}]}).param == "messages"
