"""Requests in Cohere's words: the strict fake's rules are the judge of each (see `sent`)."""

import copy

import pytest

from apps.providers.adapters.chat import codec_for
from apps.providers.adapters.cohere.chat import CODEC
from apps.providers.errors import ErrorKind
from apps.providers.types import Secret
from tests.factories import API_KEY, make_offer, make_request
from tests.providers.cohere_wire import BASE_URL, OFFER, PRESET, THINKER, codec, failure, sent

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tool(name="get_weather", **function):
    return {
        "type": "function",
        "function": {"name": name, "description": "d", "parameters": SCHEMA, **function},
    }


def named(name):
    return {"type": "function", "function": {"name": name}}


def test_the_catalogue_speaks_this_wire():
    assert codec_for(OFFER) is CODEC


def test_builds_the_call_with_the_offers_url_model_and_key():
    built = codec.build(make_request(), OFFER)

    assert built.url == f"{BASE_URL}/chat"
    assert built.headers["authorization"] == f"Bearer {API_KEY}"
    assert API_KEY not in repr(built)
    assert sent() == {"model": OFFER.model, "messages": [{"role": "user", "content": "Hello"}]}


def test_sends_no_authorization_without_a_key():
    offer = make_offer(provider="cohere", preset=PRESET, api_key=Secret(""))

    assert "authorization" not in codec.build(make_request(), offer).headers


def test_asks_for_a_stream_in_the_body():
    assert sent(stream=True)["stream"] is True
    assert codec.build(make_request(stream=True), OFFER).stream


def test_renames_what_cohere_calls_otherwise():
    payload = sent(top_p=0.5, top_k=9, stop="END", max_completion_tokens=50, seed=7, temperature=0.2)

    assert (payload["p"], payload["k"], payload["stop_sequences"]) == (0.5, 9, ["END"])
    assert (payload["max_tokens"], payload["seed"], payload["temperature"]) == (50, 7, 0.2)
    assert payload.keys().isdisjoint({"top_p", "top_k", "stop", "max_completion_tokens"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 2}, {"temperature": 1.0}),
        ({"top_p": 1}, {"p": 0.99}),
        ({"top_p": 0}, {"p": 0.01}),
        ({"top_k": 900}, {"k": 500}),
        ({"frequency_penalty": -2, "presence_penalty": 1.5}, {"frequency_penalty": 0, "presence_penalty": 1}),
        ({"seed": -1}, {"seed": 2**63 - 1}),
        ({"stop": list("abcdefg")}, {"stop_sequences": list("abcde")}),
        ({"stop": ["", "a"]}, {"stop_sequences": ["a"]}),
        ({"temperature": None, "stop": None, "seed": None}, {}),
    ],
)
def test_moves_values_into_cohere_s_ranges(given, expected):
    assert sent(**given) == sent() | expected


def test_cap_is_kept_to_what_the_model_can_say():
    offer = make_offer(provider="cohere", preset=PRESET, max_output_tokens=4000)

    assert sent(offer, max_tokens=9000)["max_tokens"] == 4000


def test_passes_cohere_s_own_fields():
    own = {"documents": ["a"], "safety_mode": "OFF", "citation_options": {"mode": "FAST"}, "priority": 1}

    assert sent(**own) == sent() | own


def test_names_what_does_not_reach_cohere():
    body = {
        "messages": [],
        "n": 1,
        "logit_bias": {"1": 5},
        "store": True,
        "user": "ann",
        "reasoning_effort": "low",
        "presence_penalty": -1,
        "frequency_penalty": 0.5,
        "stop": list("abcdef"),
        "made_up": 1,
    }
    request = make_request(body=body)

    lost = ("logit_bias", "store", "user", "presence_penalty", "stop", "made_up")
    assert codec.dropped(request, THINKER) == lost
    assert codec.dropped(request, OFFER) == (*lost[:3], "reasoning_effort", *lost[3:])
    codec.build(request, OFFER)


def test_tools_lose_the_keys_that_only_openai_knows():
    parameters = SCHEMA | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "additionalProperties": False,
        "properties": {"additionalProperties": {"type": "object", "additionalProperties": False}},
    }
    body = {"tools": [tool(strict=True, parameters=parameters)], "parallel_tool_calls": False}
    before = copy.deepcopy(body)

    payload = sent(**body)

    assert payload["tools"][0]["function"] == {
        "name": "get_weather",
        "description": "d",
        "parameters": SCHEMA | {"properties": {"additionalProperties": {"type": "object"}}},
    }
    assert "parallel_tool_calls" not in payload
    assert body == before


def test_a_tool_without_parameters_gets_an_empty_schema():
    body = {"tools": [{"type": "function", "function": {"name": "now"}}]}

    assert sent(**body)["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("choice", "theirs", "names"),
    [
        ("auto", None, ["a", "b"]),
        (None, None, ["a", "b"]),
        ("none", "NONE", ["a", "b"]),
        ("required", "REQUIRED", ["a", "b"]),
        (named("b"), "REQUIRED", ["b"]),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named("a")]}},
            "REQUIRED",
            ["a"],
        ),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named("b")]}}, None, ["b"]),
    ],
)
def test_tool_choice(choice, theirs, names):
    payload = sent(tools=[tool("a"), tool("b")], tool_choice=choice)

    assert payload.get("tool_choice") == theirs
    assert [each["function"]["name"] for each in payload["tools"]] == names


def test_legacy_functions_are_tools():
    payload = sent(functions=[{"name": "f", "parameters": SCHEMA}], function_call={"name": "f"})

    assert payload["tools"][0]["function"]["name"] == "f"
    assert payload["tool_choice"] == "REQUIRED"


@pytest.mark.parametrize("tools", [[], None])
def test_a_choice_without_tools_is_not_sent(tools):
    assert sent(tools=tools, tool_choice="required") == sent()


def test_a_name_that_cohere_does_not_take_is_renamed_wherever_it_stands():
    named = {"type": "function", "function": {"name": "get-weather"}}

    chosen = sent(tools=[tool("get-weather"), tool("2nd")], tool_choice=named)
    both = sent(tools=[tool("get-weather"), tool("get_weather")])

    assert [made["function"]["name"] for made in chosen["tools"]] == ["get_weather"]
    assert len({made["function"]["name"] for made in both["tools"]}) == 2


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0]"),
        ({"tools": [tool()], "response_format": {"type": "json_object"}}, "response_format"),
        ({"documents": [2**70]}, "messages"),
    ],
)
def test_what_cohere_cannot_be_told_is_this_candidates_own_problem(body, param):
    error = failure(sent, **body)

    assert (error.kind, error.param) == (ErrorKind.REFUSED, param)


def test_response_formats():
    schema = {"name": "x", "strict": True, "schema": SCHEMA | {"additionalProperties": False}}

    def form(**given):
        return sent(response_format=given).get("response_format")

    assert form(type="text") is None
    assert form(type="json_object") == {"type": "json_object"}
    assert form(type="json_schema", json_schema=schema) == {"type": "json_object", "json_schema": SCHEMA}


@pytest.mark.parametrize(
    ("effort", "cap", "thinking"),
    [
        (None, None, None),
        (None, 4000, None),
        (None, 500, {"type": "disabled"}),
        ("none", None, {"type": "disabled"}),
        ("low", None, {"type": "enabled", "token_budget": 1024}),
        ("low", 500, {"type": "enabled", "token_budget": 250}),
        ("medium", None, {"type": "enabled", "token_budget": 8192}),
        ("high", None, {"type": "enabled"}),
        ("high", 6000, {"type": "enabled", "token_budget": 3000}),
        ("high", 1, {"type": "enabled", "token_budget": 1}),
        ("a lot", None, None),
    ],
)
def test_reasoning_effort_becomes_a_budget_for_thinking(effort, cap, thinking):
    given = {"max_tokens": cap} if cap else {}

    assert sent(THINKER, reasoning_effort=effort, **given).get("thinking") == thinking


def test_a_model_that_does_not_reason_is_not_told_to():
    assert "thinking" not in sent(reasoning_effort="high")
