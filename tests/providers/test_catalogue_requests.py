"""Every provider of the catalogue accepts and answers a request that uses all of OpenAI's optional fields: built by its adapter from
the shipped data, sent to its strict fake."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from apps.providers.adapters.chat import codec_for
from apps.providers.catalogue_files import ModelEntry, ProviderEntry, read_catalogue
from apps.providers.presets import parse_preset
from apps.providers.types import Capability, Offer
from fakes import UPSTREAMS, FakeUpstream
from tests.factories import make_offer, make_request


def has_chat(entry: ProviderEntry) -> bool:
    """Of those that only embed and rank there is nothing to see, and those that have ended answer nobody."""
    tasks = {model.task for model in entry.models}
    has_no_chat = entry.requires_key and tasks and "chat" not in tasks
    return entry.name != "sandbox" and not entry.retired and not has_no_chat


CATALOGUE = {entry.name: entry for entry in read_catalogue() if has_chat(entry)}
DIALECT = {name for name, entry in CATALOGUE.items() if parse_preset(entry.wire).wire == "openai"}
PLAIN = "openai"
EVERYTHING: list[Capability] = [
    "vision", "audio", "tools", "forced_tools", "json_schema", "json_object", "n", "logprobs", "reasoning",
]  # fmt: skip
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PARAMETERS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION = {"name": "get_weather", "description": "…", "parameters": PARAMETERS, "strict": True}
CALL = {
    "id": "call_abc123",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
}
TOOL_HISTORY = [
    {"role": "assistant", "content": None, "refusal": None, "reasoning_content": "hm", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_abc123", "content": [{"type": "text", "text": "Sunny"}]},
    {"role": "user", "content": [{"type": "text", "text": "And"}, {"type": "text", "text": "Oslo?"}]},
]
NEEDED_BY: dict[str, dict[str, Any]] = {
    "n": {"n": 2},
    "logprobs": {"logprobs": True, "top_logprobs": 5},
    "tools": {"tools": [{"type": "function", "function": FUNCTION}], "parallel_tool_calls": True},
    "forced_tools": {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
    "json_schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}},
        }
    },
}
OPTIONAL: dict[str, Any] = {
    "temperature": 1.9,
    "top_p": 0,
    "stop": ["a", "b", "c", "d"],
    "max_completion_tokens": 100,
    "frequency_penalty": -1.5,
    "presence_penalty": 1.5,
    "logit_bias": {"50256": -100},
    "seed": 7,
    "reasoning_effort": "xhigh",
    "verbosity": "low",
    "modalities": ["text"],
    "audio": {"voice": "alloy", "format": "wav"},
    "prediction": {"type": "content", "content": "Sunny"},
    "service_tier": "auto",
    "store": True,
    "metadata": {"trace": "1"},
    "user": "user-0123456789",
    "safety_identifier": "user-0123456789",
    "prompt_cache_key": "user-0123456789",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
    "web_search_options": {"search_context_size": "low"},
    "moderation": {"model": "omni-moderation-latest"},
}


def rich_body(capabilities: frozenset[str]) -> dict[str, Any]:
    """A body with everything that a model of these capabilities may be asked for."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": "Weather? Answer in JSON."}]
    if "vision" in capabilities:
        parts.append({"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}})
    if "audio" in capabilities:
        parts.append({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}})
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}], "name": "house"},
        {"role": "user", "content": parts, "name": "ann"},
        *(TOOL_HISTORY if "tools" in capabilities else ()),
    ]
    needed = {name: value for need in capabilities for name, value in NEEDED_BY.get(need, {}).items()}
    return {"messages": messages, **OPTIONAL, **needed}


def offers(provider: str, fake: FakeUpstream) -> list[Offer]:
    """An offer for each enabled chat model; for servers without any, for one that an operator added."""
    entry = CATALOGUE[provider]
    preset = parse_preset(entry.wire)
    models = [model for model in entry.models if model.task == "chat" and model.enabled]
    return [
        make_offer(
            provider=provider,
            model=model.name,
            preset=preset.for_model(model.name),
            base_url=fake.url(provider if provider in UPSTREAMS else PLAIN),
            capabilities=frozenset(model.capabilities) - preset.for_model(model.name).incapable,
            max_output_tokens=model.max_output_tokens,
        )
        for model in models or [ModelEntry(name="own-model", capabilities=EVERYTHING)]
    ]


def test_every_provider_with_quirks_has_a_strict_fake():
    """One without any is plain OpenAI, which has its own."""
    assert {name for name, entry in CATALOGUE.items() if entry.wire} <= set(UPSTREAMS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", sorted(CATALOGUE))
async def test_strict_fake_accepts_and_answers_a_request_with_every_optional_field(provider, stream):
    async with FakeUpstream() as fake, aiohttp.ClientSession() as http:
        for offer in offers(provider, fake):
            body = rich_body(offer.capabilities)
            if offer.preset.wire != "openai" or (stream and offer.preset.excludes):
                body.pop("response_format", None)  # not together with tools there
            codec = codec_for(offer)
            built = codec.build(make_request(body=body, stream=stream), offer)

            async with http.post(built.url, data=built.body, headers=built.headers) as response:
                answer = await response.read()

            assert response.status == 200, (offer.model, answer)
            if stream:
                parser = codec.open_stream(offer)
                chunks = [*parser.feed(answer), *parser.finish()]
                assert any(chunk.has_content for chunk in chunks), offer.model
                assert any(chunk.usage for chunk in chunks) or not offer.preset.stream_usage, offer.model
            else:
                result = codec.parse(answer, offer)
                message = result.choices[0]["message"]
                assert message["content"] or message["reasoning_content"], offer.model
                assert result.usage, offer.model


@pytest.mark.parametrize("provider", sorted(DIALECT))
async def test_a_forbidden_tool_is_never_offered_where_it_could_not_be_forbidden(provider):
    async with FakeUpstream() as fake:
        offer = offers(provider, fake)[0]
    body = rich_body(frozenset({"tools"})) | {"tool_choice": "none"}

    built = codec_for(offer).build(make_request(body=body), offer)

    forbids = b'"tool_choice":"none"' in built.body
    assert forbids is (b'"tools":' in built.body)
    assert forbids is ("forced_tools" not in offer.preset.incapable)
