"""Ids of tool calls in a history that an upstream cannot tell apart: no id, or the same for parallel calls."""

from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS
from apps.providers.catalogue_files import read_catalogue
from apps.providers.presets import parse_preset
from tests.factories import make_offer, make_request

PRESETS = {entry.name: parse_preset(entry.wire) for entry in read_catalogue()}


def call(call_id: str, name: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def result(call_id: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def history(first: str, second: str) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": None, "tool_calls": [call(first, "f"), call(second, "g")]},
        result(first, "of f"),
        result(second, "of g"),
    ]


def sent(provider: str, messages: list[dict[str, Any]]) -> tuple[list[str], dict[str, str]]:
    """(the ids of the calls, text by id of the results) as the provider gets them."""
    offer = make_offer(provider=provider, preset=PRESETS[provider], capabilities=frozenset({"tools"}))
    codec = CODECS[offer.preset.wire]
    payload = orjson.loads(codec.build(make_request(messages=messages), offer).body)
    if "contents" in payload:
        parts = [part for content in payload["contents"] for part in content["parts"]]
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        ids = [part["functionCall"]["id"] for part in parts if "functionCall" in part]
        return ids, {answer["id"]: answer["response"]["output"] for answer in answers}
    calls = [each for message in payload["messages"] for each in message.get("tool_calls") or ()]
    results = [message for message in payload["messages"] if message["role"] == "tool"]
    return [each["id"] for each in calls], {each["tool_call_id"]: each["content"] for each in results}


@pytest.mark.parametrize("provider", ["mistral", "groq", "cerebras", "cohere", "gemini"])
@pytest.mark.parametrize(("first", "second"), [("", ""), ("a", "a"), ("", "a"), ("call_1", "call_1")])
def test_every_call_of_a_turn_has_an_id_of_its_own_and_its_result(provider: str, first: str, second: str):
    ids, results = sent(provider, history(first, second))

    assert all(ids)
    assert len({*ids}) == len(ids) == 2
    assert [results[each] for each in ids] == ["of f", "of g"]


@pytest.mark.parametrize("provider", ["mistral", "groq", "gemini"])
def test_the_same_conversation_gets_the_same_ids(provider: str):
    assert sent(provider, history("a", "a")) == sent(provider, history("a", "a"))


@pytest.mark.parametrize("provider", ["groq", "cohere", "gemini"])
def test_ids_that_tell_calls_apart_stay(provider: str):
    assert sent(provider, history("a", "b")) == (["a", "b"], {"a": "of f", "b": "of g"})
