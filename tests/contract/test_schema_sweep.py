"""Every field of OpenAI's chat schema, null and set, to every strict fake: never a refusal that the gateway caused.

A request goes the gateway's way from bytes to the upstream's answer. What a candidate is not able to do is passed over, as the gateway
passes over the candidate.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import orjson
import pytest

from apps.gateway.endpoints.chat.wire.request import parse as parse_request
from apps.providers.adapters.chat import codec_for, parse
from apps.providers.errors import UpstreamError
from apps.providers.types import Offer
from fakes import FakeUpstream
from tests.contract.candidates import Candidate, able
from tests.factories import make_offer

PIXEL = "data:image/jpg;base64,/9j/4AAQSkZJRg=="
USER = {"role": "user", "content": "Weather? Answer in JSON."}
ANSWER = {"role": "assistant", "content": "Sunny."}
SYSTEM = {"role": "system", "content": "Be kind."}
MCP = "mcp__fs__read-file"
DOTTED = "mcp.fs/read file"
LONG = "a_tool_with_a_name_of_more_than_sixty_four_characters_" * 2
NESTED = {
    "type": "object",
    "properties": {
        "tags": {"type": "array"},
        "either": {"type": ["array", "null"], "default": None},
        "free": {"type": "object"},
        "deep": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "array"}}}},
    },
}


def function(name: str = "get_weather", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def call(arguments: str = "{}", name: str = "get_weather", **more: Any) -> dict[str, Any]:
    return {
        "id": "call_abc123",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    }


def called(*calls: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """A history in which the assistant called a tool."""
    results = [{"role": "tool", "tool_call_id": made["id"], "content": "31"} for made in calls]
    return [USER, {"role": "assistant", "content": None, "tool_calls": list(calls), **more}, *results]


TOOLS = [function(parameters={"type": "object", "properties": {"city": {"type": "string"}}})]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
SCHEMA = {"name": "born", "schema": {"type": "object", "properties": {"at": {"type": "string"}}}}
FIELDS: dict[str, list[Any]] = {
    "temperature": [0, 1, 2],
    "top_p": [0, 0.5, 1],
    "n": [1, 2],
    "stop": ["x", ["a", "b", "c", "d"], [], ""],
    "max_tokens": [1, 64_000],
    "max_completion_tokens": [1, 64_000],
    "frequency_penalty": [-2, 2],
    "presence_penalty": [-2, 2],
    "logit_bias": [{}, {"50256": -100}],
    "logprobs": [False, True],
    "top_logprobs": [0, 5],
    "seed": [0, -7, 2**40],
    "response_format": [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": SCHEMA | {"strict": None, "description": None}},
        {"type": "json_schema", "json_schema": SCHEMA | {"strict": True}},
    ],
    "tools": [
        [],
        TOOLS,
        [function()],
        [function(parameters=None, description=None, strict=None)],
        [function(parameters={})],
        [function(parameters={"type": "object"})],
        [function(parameters=NESTED, strict=False)],
        [function(name, description="d") for name in (MCP, DOTTED, LONG, "1st")],
        [{**TOOLS[0], "cache_control": {"type": "ephemeral"}}],
    ],
    "tool_choice": ["auto", "none"],
    "parallel_tool_calls": [True, False],
    "functions": [[], [{"name": "get_weather"}]],
    "function_call": ["none", "auto"],
    "reasoning_effort": ["none", "minimal", "low", "medium", "high", "xhigh", "max"],
    "verbosity": ["low"],
    "modalities": [["text"]],
    "audio": [{"voice": "alloy", "format": "wav"}],
    "prediction": [
        {"type": "content", "content": "Sunny"},
        {"type": "content", "content": [{"type": "text", "text": "Sunny"}]},
    ],
    "service_tier": ["auto", "default", "flex", "scale", "priority", "fast"],
    "store": [True, False],
    "metadata": [{}, {"trace": "1"}],
    "user": ["user-0123456789"],
    "safety_identifier": ["user-0123456789"],
    "prompt_cache_key": ["user-0123456789"],
    "prompt_cache_retention": ["24h", "in_memory"],
    "prompt_cache_options": [{"mode": "implicit", "ttl": "30m"}],
    "web_search_options": [{"search_context_size": "low"}],
    "moderation": [{"model": "omni-moderation-latest"}],
}
WITH_TOOLS: list[dict[str, Any]] = [
    {"tool_choice": choice, "parallel_tool_calls": parallel}
    for choice in (None, "auto", "none", "required", NAMED)
    for parallel in (None, True, False)
] + [
    {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [NAMED]}}}
    for mode in ("auto", "required")
]
PARTS: list[list[dict[str, Any]]] = [
    [{"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}],
    [{"type": "text", "text": "Hi"}, {"type": "text", "text": "you", "cache_control": {"type": "ephemeral"}}],
    [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": None}}],
    [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}],
]
TEXTS = [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]
HISTORIES: dict[str, list[dict[str, Any]]] = {
    "system last": [USER, SYSTEM],
    "system in the middle": [USER, SYSTEM, USER],
    "system after an answer": [SYSTEM, USER, ANSWER, SYSTEM],
    "two systems": [SYSTEM, SYSTEM, USER],
    "only a system": [SYSTEM],
    "developer": [{"role": "developer", "content": TEXTS, "name": "house"}, USER],
    "developer last": [SYSTEM, USER, {"role": "developer", "content": "Be brief."}],
    "two users": [USER, USER],
    "two assistants": [USER, ANSWER, ANSWER, USER],
    "assistant first": [ANSWER, USER],
    "assistant last": [USER, ANSWER],
    "assistant only": [ANSWER],
    "silent assistants": [
        USER,
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None},
        USER,
    ],
    "nulls": [{**USER, "name": None}, {**ANSWER, "tool_calls": None, "refusal": None, "name": None}, USER],
    "no calls": [USER, {**ANSWER, "tool_calls": []}, USER],
    "nothing and no calls": [USER, {"role": "assistant", "content": "", "tool_calls": []}, USER],
    "lists of text": [
        {"role": "system", "content": TEXTS},
        USER,
        {"role": "assistant", "content": TEXTS},
        USER,
    ],
    "empty lists of text": [USER, {"role": "assistant", "content": [{"type": "text", "text": ""}]}, USER],
    "a refusal": [USER, {"role": "assistant", "content": None, "refusal": "No."}, USER],
    "a refusal part": [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}, USER],
    "reasoning": [USER, {**ANSWER, "reasoning_content": "hm", "annotations": [], "audio": None}, USER],
    "thinking parts": [
        USER,
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, *TEXTS]},
        USER,
    ],
    "arguments": [*called(call("")), USER],
    "null arguments": called(call("null")),
    "cut arguments": called(call('{"city": "Ro')),
    "arguments in a list": called(call('["Rome"]')),
    "a call with more": called(call(index=0, custom=None)),
    "a call beside text lists": called(call(), content=TEXTS),
    "a null result": [*called(call())[:2], {"role": "tool", "tool_call_id": "call_abc123", "content": None}],
    "a result in parts": [
        *called(call())[:2],
        {"role": "tool", "tool_call_id": "call_abc123", "content": TEXTS},
    ],
    "a result with an image": [
        *called(call())[:2],
        {
            "role": "tool",
            "tool_call_id": "call_abc123",
            "content": [*TEXTS, {"type": "image_url", "image_url": {"url": PIXEL}}],
        },
    ],
    "an unanswered call": [*called(call())[:2], USER],
    "a result without a call": [USER, {"role": "tool", "tool_call_id": "gone", "content": "31"}, USER],
    "a name with a hyphen": called(call(name=MCP)),
    "a name with dots": called(call(name=DOTTED)),
    "a long name": called(call(name=LONG)),
    "a system after a result": [*called(call()), SYSTEM],
    "a custom tool's call": [
        USER,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
    ],
    "legacy": [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": ""}},
        {"role": "function", "name": "get_weather", "content": None},
    ],
}


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """(what it is, body) of every request of the sweep."""
    yield "nothing", {}
    yield "every field null", dict.fromkeys(FIELDS)
    for name, values in FIELDS.items():
        for value in [None, *values]:
            yield f"{name}={value!r}", {name: value}
    yield "both caps", {"max_tokens": 100, "max_completion_tokens": 64_000}
    yield "logprobs with top", {"logprobs": True, "top_logprobs": 20}
    for more in WITH_TOOLS:
        yield f"tools with {more!r}", {"tools": TOOLS, **more}
    for parts in PARTS:
        yield f"parts {parts!r}", {"messages": [{"role": "user", "content": parts}]}
    for name, messages in HISTORIES.items():
        yield f"history: {name}", {"messages": messages}
        yield f"history with tools: {name}", {"messages": messages, "tools": [*TOOLS, function(MCP)]}


@pytest.fixture
async def fake() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def offer_of(candidate: Candidate, fake: FakeUpstream) -> Offer:
    return make_offer(
        provider=candidate.provider,
        model=candidate.model,
        preset=candidate.preset,
        base_url=fake.url(candidate.provider),
        capabilities=candidate.capabilities,
        max_output_tokens=4_096,
    )


async def complaint(http: aiohttp.ClientSession, offer: Offer, body: dict[str, Any]) -> str:
    """Why the candidate did not answer, "" if it did or was never able to."""
    request = parse_request(orjson.dumps({"messages": [USER]} | body))
    if not request.needs <= offer.capabilities:
        return ""
    try:
        built = codec_for(offer).build(request, offer)
    except UpstreamError as error:
        return (
            ""
            if offer.preset.wire == "cohere" and "text only" in error.message
            else f"cannot be said: {error.message}"
        )
    async with http.post(built.url, data=built.body, headers=built.headers) as response:
        answer = await response.read()
    if response.status != 200:
        return f"{response.status} {answer.decode()[:300]} to {built.body.decode()[:600]}"
    parse(answer, request, offer)
    return ""


@able()
async def test_no_field_of_the_schema_leads_to_a_refusal(
    http: aiohttp.ClientSession, fake: FakeUpstream, candidate: Candidate
):
    offer = offer_of(candidate, fake)

    found = {name: await complaint(http, offer, body) for name, body in cases()}

    refusals = [f"{name}: {said}" for name, said in found.items() if said]
    assert not refusals, "\n".join(refusals)
