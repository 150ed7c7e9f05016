import copy
import re

import orjson
import pytest

from apps.providers.adapters.openai.chat import CODEC
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Preset, Secret
from tests.factories import API_KEY, make_offer, make_request

codec = CODEC

CALL = {"id": "call_abc123", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
HISTORY = [
    {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]},
    {"role": "user", "content": "Weather?", "name": "ann"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "hm", "refusal": None},
    {"role": "tool", "tool_call_id": "call_abc123", "content": [{"type": "text", "text": "Sunny"}]},
    {"role": "user", "content": "Thanks"},
]
MISTRAL = Preset(
    drops=frozenset({"logit_bias", "store", "user"}),
    renames={"seed": "random_seed", "max_completion_tokens": "max_tokens"},
    roles={"developer": "system"},
    tool_id="alnum9",
    stream_usage=False,
    temperature_max=1.5,
    message_fields={
        "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
        "user": frozenset({"role", "content"}),
    },
    assistant_after_tool=True,
)


def sent(preset=None, *, stream=False, offer=None, **body):
    """The JSON that goes upstream for `body`, whose own values must survive it unchanged."""
    body.setdefault("messages", [{"role": "user", "content": "Hello"}])
    before = copy.deepcopy(body)
    offer = offer or make_offer(preset=preset or Preset())
    built = codec.build(make_request(body=body, stream=stream), offer)
    assert body == before
    return orjson.loads(built.body)


def test_builds_the_call_with_the_offers_url_model_and_key():
    offer = make_offer(preset=Preset(headers={"x-title": "FreeAI"}), base_url="https://upstream.test/v1/")

    built = codec.build(make_request(), offer)

    assert built.url == "https://upstream.test/v1/chat/completions"
    assert built.method == "POST"
    assert built.headers == {
        "authorization": f"Bearer {API_KEY}",
        "content-type": "application/json",
        "accept-encoding": "identity",
        "x-title": "FreeAI",
    }
    assert orjson.loads(built.body) == {
        "model": "llama-3.3-70b-versatile",
        "messages": [{"role": "user", "content": "Hello"}],
    }


def test_does_not_show_the_key_in_the_calls_repr():
    assert API_KEY not in repr(codec.build(make_request(), make_offer()))


def test_sends_no_authorization_without_a_key():
    built = codec.build(make_request(), make_offer(api_key=Secret("")))

    assert "authorization" not in built.headers


def test_asks_for_usage_in_a_stream_where_the_upstream_understands_it():
    streamed = sent(stream=True)
    without_usage = sent(MISTRAL, stream=True)

    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})
    assert without_usage["stream"] is True
    assert "stream_options" not in without_usage


def test_passes_unknown_fields_through():
    assert sent(top_k=5, provider={"sort": "price"})["provider"] == {"sort": "price"}


def test_renames_drops_and_clamps_by_preset():
    body = sent(
        MISTRAL, seed=7, max_completion_tokens=50, temperature=2, user="ann", store=True, stop=list("abcdef")
    )

    assert body["random_seed"] == 7
    assert body["max_tokens"] == 50
    assert body["temperature"] == 1.5
    assert body["stop"] == list("abcd")
    assert body.keys().isdisjoint({"seed", "max_completion_tokens", "user", "store"})


def test_a_null_that_is_renamed_does_not_overwrite_the_upstreams_own_field():
    assert sent(MISTRAL, max_completion_tokens=None, max_tokens=9)["max_tokens"] == 9


def test_leaves_values_within_the_limits_alone():
    body = sent(MISTRAL, temperature=1.2, stop="x")

    assert (body["temperature"], body["stop"]) == (1.2, "x")


@pytest.mark.parametrize(
    ("given", "sent_cap"),
    [({}, 1000), ({"max_tokens": 5}, 5), ({"max_completion_tokens": 6}, 6)],
)
def test_names_a_cap_where_the_upstreams_own_default_is_unfit(given, sent_cap):
    preset = Preset(default_max_tokens=4096, renames={"max_completion_tokens": "max_tokens"})

    assert sent(offer=make_offer(preset=preset, max_output_tokens=1000), **given)["max_tokens"] == sent_cap


@pytest.mark.parametrize("tools", [[], None])
def test_forgets_empty_tools_and_what_is_said_about_them(tools):
    body = sent(tools=tools, tool_choice="auto", parallel_tool_calls=True)

    assert body.keys() == {"model", "messages"}


def test_fits_a_whole_tool_history_to_a_strict_upstream():
    messages = sent(MISTRAL, messages=HISTORY)["messages"]

    tool_id = messages[2]["tool_calls"][0]["id"]
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", tool_id)
    assert messages[3]["tool_call_id"] == tool_id
    assert [message["role"] for message in messages] == [
        "system", "user", "assistant", "tool", "assistant", "user",
    ]  # fmt: skip
    assert messages[1] == {"role": "user", "content": "Weather?"}
    assert messages[2].keys() == {"role", "content", "tool_calls"}
    assert messages[4]["content"]


def test_keeps_a_tool_id_that_conforms_and_tells_others_apart():
    calls = [CALL | {"id": "abcDEF123"}, CALL | {"id": "call_1"}, CALL | {"id": "call_2"}]

    message = sent(MISTRAL, messages=[{"role": "assistant", "tool_calls": calls}])["messages"][0]

    first, second, third = (call["id"] for call in message["tool_calls"])
    assert first == "abcDEF123"
    assert second != third


def test_marks_a_trailing_assistant_message_as_prefix_where_that_is_a_field():
    history = [{"role": "user", "content": "Count"}, {"role": "assistant", "content": "1, 2,"}]

    assert sent(MISTRAL, messages=history)["messages"][-1]["prefix"] is True
    assert sent(messages=history)["messages"] == history


def test_flattens_text_parts_where_only_strings_are_taken_but_keeps_images():
    preset = Preset(string_content_roles=frozenset({"user", "tool", "developer"}))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    picture = {"role": "user", "content": [{"type": "text", "text": "See"}, image]}

    messages = sent(preset, messages=[*HISTORY, picture])["messages"]

    assert messages[0]["content"] == "Be\nkind."
    assert messages[3]["content"] == "Sunny"
    assert messages[5]["content"] == picture["content"]


def test_sends_an_empty_string_where_null_content_is_refused():
    messages = sent(Preset(null_content=False), messages=HISTORY)["messages"]

    assert messages[2]["content"] == ""


def test_strips_replayed_reasoning_unless_the_upstream_takes_it():
    replay = [{"role": "assistant", "content": "Hi", "reasoning_content": "a", "reasoning_details": [{}]}]
    takes = Preset(message_fields={"assistant": frozenset({"content", "reasoning_details"})})

    assert sent(messages=replay)["messages"] == [{"role": "assistant", "content": "Hi"}]
    assert sent(takes, messages=replay)["messages"] == [
        {"role": "assistant", "content": "Hi", "reasoning_details": [{}]}
    ]


def test_says_a_refusal_as_content_where_it_has_no_field():
    refused = [{"role": "assistant", "content": None, "refusal": "No."}, {"role": "user", "content": "Why?"}]

    assert sent(MISTRAL, messages=refused)["messages"][0] == {"role": "assistant", "content": "No."}


def test_maps_legacy_functions_to_tools_on_both_sides_of_the_history():
    function = {"name": "get_weather", "parameters": {}}
    history = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}},
        {"role": "function", "name": "get_weather", "content": "Sunny"},
    ]

    body = sent(messages=history, functions=[function], function_call={"name": "get_weather"})

    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    call = body["messages"][1]["tool_calls"][0]
    assert call["function"] == {"name": "get_weather", "arguments": "{}"}
    assert body["messages"][2] == {"role": "tool", "tool_call_id": call["id"], "content": "Sunny"}
    assert body.keys().isdisjoint({"functions", "function_call"})


def test_refuses_what_json_cannot_say_as_this_candidates_own_problem():
    with pytest.raises(UpstreamError) as caught:
        sent(seed=2**70)

    assert caught.value.kind is ErrorKind.REFUSED


def test_names_the_fields_that_do_not_reach_the_upstream():
    preset = Preset(drops=frozenset({"logit_bias", "n", "store", "user", "seed"}), stop_max=1)
    body = {"messages": [], "user": "ann", "n": 1, "store": False, "logit_bias": {"1": 5}, "stop": ["a", "b"]}

    names = codec.dropped(make_request(body=body | {"seed": None}), make_offer(preset=preset))

    assert names == ("user", "logit_bias", "stop")
