"""Hostile and broken requests: a 4xx in Anthropic's shape that names the field, and never a 500."""

from typing import Any

import orjson
import pytest

from apps.gateway.endpoints.messages.wire.request import count_tokens, parse
from apps.gateway.wire.errors import ApiError
from apps.providers.adapters.chat import codec_for
from apps.providers.errors import ErrorKind, UpstreamError
from apps.strategies.reading import observe
from tests.factories import make_offer
from tests.gateway.conftest import RAW_KEY, SHIPPED, Gateway, use_key
from tests.messages.conftest import HELLO, TOOL, body
from tests.shapes import misshapen

OFFERS = [make_offer(provider=name, preset=SHIPPED[name]) for name in ("groq", "gemini", "cohere", "mistral")]


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"messages": [*HELLO, {"role": "assistant", "content": list(blocks)}]}


FILE = {"type": "file", "file_id": "file_1"}
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": "Hello"}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": ...}, "messages"),
    ({"messages": ["Hello"]}, "messages[0]"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"content": "x"}]}, "messages[0].role"),
    (user({"type": "text"}), "messages[0].content[0].text"),
    (user({"type": "hologram"}), "messages[0].content[0].type"),
    (user({"text": "x"}), "messages[0].content[0].type"),
    (user({"type": "image"}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": "tape"}}), "messages[0].content[0].source.type"),
    (user({"type": "image", "source": {"type": "url", "url": 1}}), "messages[0].content[0].source.url"),
    (user({"type": "image", "source": FILE}), "messages[0].content[0].source"),
    (user({"type": "document", "source": FILE}), "messages[0].content[0].source"),
    (
        user({"type": "document", "source": {"type": "url", "url": "http://127.0.0.1/x"}}),
        "messages[0].content[0].source",
    ),
    (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
    (user({"type": "tool_result", "tool_use_id": 1}), "messages[0].content[0].tool_use_id"),
    (
        user({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image", "source": FILE}]}),
        "messages[0].content[0].content[0].source",
    ),
    (user({"type": "tool_use", "id": "a", "name": "b", "input": {}}), "messages[0].content[0].type"),
    (assistant({"type": "tool_use", "id": "a", "name": "b", "input": "x"}), "messages[1].content[0].input"),
    (assistant({"type": "tool_use", "id": "a", "name": "", "input": {}}), "messages[1].content[0].name"),
    (assistant({"type": "thinking", "signature": "x"}), "messages[1].content[0].thinking"),
    (assistant({"type": "thinking", "thinking": "x", "signature": 5}), "messages[1].content[0].signature"),
    ({"max_tokens": ...}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": "1"}, "max_tokens"),
    ({"temperature": 1.1}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"top_k": -1}, "top_k"),
    ({"stop_sequences": "x"}, "stop_sequences"),
    ({"stop_sequences": [1]}, "stop_sequences[0]"),
    ({"stop_sequences": [""]}, "stop_sequences[0]"),
    ({"stop_sequences": ["x"] * 17}, "stop_sequences"),
    ({"stream": "yes"}, "stream"),
    ({"system": 5}, "system"),
    ({"system": [{"type": "image"}]}, "system[0].type"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
    ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
    ({"tools": [{"name": "x", "input_schema": "y"}]}, "tools[0].input_schema"),
    ({"tools": [TOOL] * 129}, "tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "some"}}, "tool_choice.type"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "other"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    (
        {
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "tool", "name": "web_search"},
        },
        "tool_choice.name",
    ),
    ({"thinking": {"type": "hard"}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
    ({"output_config": {"effort": "none at all"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ({"thread": {"type": "create"}}, "thread"),
    ({"model": 7}, "model"),
    ({"model": "x" * 257}, "model"),
    ({"strategy": "no-such"}, "strategy"),
    ({"preferred_provider": "no-such"}, "preferred_provider"),
    ({"fallback": "no"}, "fallback"),
]


@pytest.mark.parametrize(
    ("fields", "param"), BAD_FIELDS, ids=[str(at) + param for at, (_, param) in enumerate(BAD_FIELDS)]
)
async def test_bad_field_is_named(gateway: Gateway, fields: dict[str, Any], param: str):
    gateway.add("groq")

    answer = await gateway.client.request("POST", "/v1/messages", body(**fields))

    assert answer.status == 400
    assert answer.json.keys() == {"type", "error", "request_id"}
    assert (answer.json["type"], answer.error["type"]) == ("error", "invalid_request_error")
    assert answer.error["param"] == param
    assert answer.json["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    assert gateway.fake.journal == []
    assert gateway.events() == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00",
        b'{"messages": [{"role": "user", "content": "a\x00b"}]}',
        b"\xff\xfe{}",
        b'{"messages": NaN}',
        b'{"max_tokens": 5, "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"a":' * 5000,
        b"[" * 100_000,
        b'{"max_tokens": 5, "messages": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"max_tokens": 9' + b"9" * 400 + b', "messages": [{"role": "user", "content": "x"}]}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_what_is_no_request_is_refused(gateway: Gateway, path: str, sent: bytes):
    gateway.add("groq")

    answer = await gateway.client.request("POST", path, sent)

    assert 400 <= answer.status < 500
    assert answer.json["type"] == "error"
    assert answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("POST", "/v1/messages/x", 404, "not_found_error"),
        ("POST", "/v1/messages/", 404, "not_found_error"),
    ],
)
async def test_routes_that_are_none(gateway: Gateway, method: str, path: str, status: int, kind: str):
    answer = await gateway.client.request(method, path)

    assert (answer.status, answer.json["type"], answer.error["type"]) == (status, "error", kind)


async def test_a_base_url_with_v1_too_much_is_told_so(gateway: Gateway):
    answer = await gateway.client.request(
        "POST", "/v1/v1/messages", body(), {"anthropic-version": "2023-06-01"}
    )

    assert (answer.status, answer.json["type"], answer.error["type"]) == (404, "error", "not_found_error")
    assert "ANTHROPIC_BASE_URL" in answer.error["message"]


async def test_a_large_body_a_compressed_one_and_too_many_values(gateway: Gateway, settings: Any):
    settings.FREEAI_MAX_BODY_BYTES = 1000
    large = await gateway.client.request("POST", "/v1/messages", body(system="x" * 1000))
    packed = await gateway.client.request("POST", "/v1/messages", body(), {"content-encoding": "gzip"})
    settings.FREEAI_MAX_JSON_VALUES = 10
    many = await gateway.client.request("POST", "/v1/messages", body(metadata=list(range(50))))

    assert (large.status, large.error["type"]) == (413, "request_too_large")
    assert (packed.status, packed.error["type"]) == (415, "invalid_request_error")
    assert (many.status, many.error["type"]) == (413, "request_too_large")


async def test_keys(gateway: Gateway):
    gateway.add("groq")
    gateway.client.key = ""
    keys = {
        "none": {},
        "wrong": {"x-api-key": "fai_" + "w" * 43},
        "either": {"x-api-key": RAW_KEY},
        "both": {"x-api-key": RAW_KEY, "authorization": f"Bearer {RAW_KEY}"},
        "two": {"x-api-key": RAW_KEY, "authorization": "Bearer fai_" + "w" * 43},
    }

    got = {
        name: await gateway.client.request("POST", "/v1/messages", body(), headers)
        for name, headers in keys.items()
    }

    assert {name: answer.status for name, answer in got.items()} == {
        "none": 401,
        "wrong": 401,
        "either": 200,
        "both": 200,
        "two": 401,
    }
    assert got["two"].error["type"] == "authentication_error"


async def test_the_keys_own_limit_and_its_models(gateway: Gateway):
    gateway.add("groq")
    use_key(allowed_models=frozenset({"freeai-fast"}))

    forbidden = await gateway.client.request("POST", "/v1/messages", body(model="claude-opus-4-8"))
    allowed = await gateway.client.request("POST", "/v1/messages", body(model="claude-haiku-4-5"))

    assert (forbidden.status, forbidden.error["type"]) == (403, "permission_error")
    assert allowed.status == 200
    (refusal,) = gateway.refusals()
    assert (refusal.endpoint, refusal.model) == ("messages", "freeai-quality")


def test_garbage_anywhere_in_a_request_is_never_a_fault():
    """Each value of a whole request, replaced by what it is not: it is refused, or it is a request that every wire can write."""
    whole = orjson.loads(
        body(
            system=[{"type": "text", "text": "x"}],
            tools=[TOOL],
            tool_choice={"type": "auto", "disable_parallel_tool_use": True},
            thinking={"type": "enabled", "budget_tokens": 2000},
            output_config={"effort": "high", "format": {"type": "json_schema", "schema": {}}},
            messages=[
                *HELLO,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "a",
                            "content": [{"type": "text", "text": "x"}],
                        },
                        {"type": "document", "source": {"type": "text", "media_type": "x", "data": "y"}},
                        {"type": "web_search_tool_result", "content": [{"title": "x", "url": "y"}]},
                    ],
                },
            ],
        )
    )
    refused: list[ApiError] = []
    unread: list[Any] = []
    taken = 0
    for case in misshapen(whole, mixed=500):
        sent = orjson.dumps(case)
        try:
            counted = count_tokens(sent, _any_signature)
        except ApiError as error:
            refused.append(error)
            counted = None
        try:
            asked = parse(sent, _any_signature)
        except ApiError as error:
            refused.append(error)
            continue
        assert counted is not None, case
        taken += 1
        observe(asked.chat)
        for offer in OFFERS:
            try:
                codec_for(offer).build(asked.chat, offer)
            except UpstreamError as error:
                unread += [(case, error)] if error.kind is ErrorKind.PARSING else []

    assert [error.message for error in refused if error.status != 400 or not error.param] == []
    assert unread == []
    assert len(refused) > 100
    assert taken > 100


def _any_signature(_text: str, _signature: str) -> bool:
    return True
