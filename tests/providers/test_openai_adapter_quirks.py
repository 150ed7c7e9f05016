"""Quirks that are data: how each field of a preset changes what goes upstream."""

import copy

import orjson
import pytest

from apps.providers.adapters.openai.chat import CODEC
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.presets import parse_preset
from tests.factories import make_offer, make_request

codec = CODEC
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("a", "b")]
SCALE = {"path": "reasoning.effort", "words": {"none": "none", "low": "low"}, "otherwise": "high"}


def sent(wire, *, stream=False, capabilities=("tools", "reasoning"), model="some-model", **body):
    """The JSON that goes upstream for `body`, whose own values must survive it unchanged."""
    body.setdefault("messages", [{"role": "user", "content": "Hello"}])
    before = copy.deepcopy(body)
    offer = make_offer(
        model=model, preset=parse_preset(wire).for_model(model), capabilities=frozenset(capabilities)
    )
    built = codec.build(make_request(body=body, stream=stream), offer)
    assert body == before
    return orjson.loads(built.body)


def refused(wire, **body):
    with pytest.raises(UpstreamError) as caught:
        sent(wire, **body)
    assert caught.value.kind is ErrorKind.REFUSED
    return caught.value.message


def dropped(wire, *, capabilities=("reasoning",), **body):
    offer = make_offer(preset=parse_preset(wire), capabilities=frozenset(capabilities))
    return codec.dropped(make_request(body={"messages": []} | body), offer)


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


class TestFields:
    WIRE = {"fields": ["max_tokens", "top_p"], "renames": {"max_completion_tokens": "max_tokens"}}

    def test_sends_only_what_a_strict_upstream_knows_by_its_own_names(self):
        body = sent(self.WIRE, stream=True, max_completion_tokens=9, top_p=1, top_k=40, thinking={})

        assert body.keys() == {"model", "messages", "stream", "stream_options", "max_tokens", "top_p"}

    def test_names_the_others_as_dropped(self):
        names = dropped(self.WIRE, max_completion_tokens=9, top_k=40, store=False, thinking={})

        assert names == ("top_k", "thinking")


class TestEffort:
    @pytest.mark.parametrize(
        ("said", "value"), [("none", "none"), ("low", "low"), ("max", "high"), ("x", "high")]
    )
    def test_is_said_in_the_upstreams_words_and_place(self, said, value):
        body = sent({"effort": SCALE}, reasoning_effort=said)

        assert body["reasoning"] == {"effort": value}
        assert "reasoning_effort" not in body

    def test_leaves_what_the_client_put_there_itself(self):
        own = {"effort": "medium", "exclude": True}

        assert sent({"effort": SCALE}, reasoning_effort="low", reasoning=own)["reasoning"] == own
        assert sent({"effort": SCALE}, reasoning_effort="low", reasoning={"exclude": True})["reasoning"] == {
            "exclude": True,
            "effort": "low",
        }

    def test_may_be_a_switch(self):
        wire = {"effort": {"path": "thinking.type", "words": {"none": "disabled"}, "otherwise": "enabled"}}

        assert sent(wire, reasoning_effort="none")["thinking"] == {"type": "disabled"}
        assert sent(wire, reasoning_effort="high")["thinking"] == {"type": "enabled"}

    def test_is_left_out_and_said_so_where_there_is_no_word_or_the_model_does_not_reason(self):
        wire = {"effort": {"words": {"none": "none"}}}

        assert "reasoning_effort" not in sent(wire, reasoning_effort="high")
        assert dropped(wire, reasoning_effort="high") == ("reasoning_effort",)
        assert "reasoning" not in sent({"effort": SCALE}, reasoning_effort="low", capabilities=())
        assert dropped({"effort": SCALE}, capabilities=(), reasoning_effort="low") == ("reasoning_effort",)

    def test_passes_as_it_is_where_nothing_is_declared(self):
        assert sent({}, reasoning_effort="xhigh", capabilities=())["reasoning_effort"] == "xhigh"
        assert dropped({}, reasoning_effort="xhigh") == ()


class TestTools:
    def test_a_choice_that_cannot_be_said_is_left_out_and_a_ban_takes_the_tools_with_it(self):
        wire = {"incapable": ["forced_tools"]}

        automatic = sent(wire, tools=TOOLS, tool_choice="auto")
        forbidden = sent(wire, tools=TOOLS, tool_choice="none", parallel_tool_calls=True)

        assert (automatic["tools"], "tool_choice" in automatic) == (TOOLS, False)
        assert forbidden.keys() == {"model", "messages"}

    def test_allowed_tools_are_sent_as_the_only_ones(self):
        allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}

        body = sent({}, tools=TOOLS, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
        none = sent(
            {},
            tools=TOOLS,
            tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
        )

        assert (body["tools"], body["tool_choice"]) == (TOOLS[1:], "required")
        assert none.keys() == {"model", "messages"}

    def test_single_calls_are_asked_for_whatever_the_client_says(self):
        wire = {"single_tool_calls": True}

        assert sent(wire, tools=TOOLS, parallel_tool_calls=True)["parallel_tool_calls"] is False
        assert sent(wire, tools=TOOLS)["parallel_tool_calls"] is False
        assert "parallel_tool_calls" not in sent(wire, parallel_tool_calls=True)

    def test_strips_schema_keys_at_every_level_but_not_properties_of_their_name(self):
        schema = {
            "$schema": "x",
            "type": "object",
            "properties": {
                "$schema": {"type": "string", "enum": ["$schema"]},
                "list": {"type": "array", "items": {"type": "object", "additionalProperties": False}},
                "either": {"anyOf": [{"type": "object", "additionalProperties": False}, {"type": "null"}]},
            },
            "additionalProperties": False,
        }
        tools = [
            {"type": "function", "function": {"name": "f", "parameters": schema}},
            {"type": "custom", "custom": {}},
        ]

        first, second = sent({"schema_drops": ["$schema", "additionalProperties"]}, tools=tools)["tools"]

        assert first["function"]["parameters"] == {
            "type": "object",
            "properties": {
                "$schema": {"type": "string", "enum": ["$schema"]},
                "list": {"type": "array", "items": {"type": "object"}},
                "either": {"anyOf": [{"type": "object"}, {"type": "null"}]},
            },
        }
        assert second == tools[1]


class TestValues:
    @pytest.mark.parametrize(("given", "moved"), [(0, 0.01), (0.5, 0.5), (1, 0.99)])
    def test_numbers_are_moved_into_the_upstreams_range(self, given, moved):
        assert sent({"ranges": {"top_p": [0.01, 0.99]}}, top_p=given)["top_p"] == moved

    def test_a_range_holds_beside_the_highest_temperature(self):
        body = sent({"ranges": {"top_p": [0.1, 1]}, "temperature_max": 1.0}, temperature=2, top_p=0)

        assert (body["temperature"], body["top_p"]) == (1.0, 0.1)

    def test_stop_is_a_list_where_the_upstream_wants_one(self):
        assert sent({"stop_list": True, "stop_max": 1}, stop="x")["stop"] == ["x"]
        assert sent({"stop_list": True, "stop_max": 1}, stop=["x", "y"])["stop"] == ["x"]


class TestMessages:
    LINK = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    INLINE = {"type": "image_url", "image_url": {"url": "DATA:image/png;base64,AA=="}}
    AUDIO = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}

    def test_an_image_by_url_is_refused_where_only_data_is_taken(self):
        wire = {"inline_images": True}

        assert "data: URIs" in refused(wire, messages=user(self.LINK))
        assert sent(wire, messages=user(self.INLINE))["messages"] == user(self.INLINE)
        assert sent({}, messages=user(self.LINK))["messages"] == user(self.LINK)

    def test_audio_is_a_bare_string_where_the_upstream_wants_one(self):
        body = sent({"audio_string": True}, messages=user(self.AUDIO, self.INLINE))

        assert body["messages"] == user({"type": "input_audio", "input_audio": "UklGRg=="}, self.INLINE)


class TestExcludes:
    WIRE = {"excludes": [["response_format", "tools", "stream"]]}
    JSON = {"type": "json_object"}

    def test_refuses_what_the_upstream_does_not_take_together(self):
        assert "response_format, stream, tools" in refused(
            self.WIRE, stream=True, tools=TOOLS, response_format=self.JSON
        )

    def test_takes_each_of_them_alone(self):
        for body in (
            {"stream": True, "tools": TOOLS},
            {"tools": TOOLS, "response_format": self.JSON},
            {"stream": True, "tools": TOOLS, "response_format": {"type": "text"}},
            {"stream": True, "tools": [], "response_format": self.JSON},
        ):
            assert sent(self.WIRE, **body)["model"]


class TestVariants:
    WIRE = {
        "drops": ["seed"],
        "stop_max": 1,
        "variants": [{"models": ["openai/*", "x-?"], "drops": ["user"]}, {"models": ["*"], "stop_max": 2}],
    }

    def test_the_first_that_matches_replaces_the_fields_it_names(self):
        openai = sent(self.WIRE, model="openai/gpt", seed=1, user="u", stop=["a", "b", "c"])
        other = sent(self.WIRE, model="other", seed=1, user="u", stop=["a", "b", "c"])

        assert (openai.get("seed"), openai.get("user"), openai["stop"]) == (1, None, ["a"])
        assert (other.get("seed"), other.get("user"), other["stop"]) == (None, "u", ["a", "b"])

    def test_a_model_always_gets_the_same_preset(self):
        preset = parse_preset(self.WIRE)

        assert preset.for_model("x-1") is preset.for_model("x-2")
        assert parse_preset({"stop_max": 1}).for_model("any").stop_max == 1
