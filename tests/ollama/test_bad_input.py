"""Hostile and broken requests: a 4xx in Ollama's shape whose text names the field, and never a 500."""

from typing import Any

import orjson
import pytest

from apps.gateway.endpoints.ollama.wire.request import parse_chat, parse_generate
from apps.gateway.wire.errors import ApiError
from apps.providers.adapters.chat import codec_for
from apps.providers.errors import ErrorKind, UpstreamError
from apps.strategies.reading import observe
from tests.factories import make_offer
from tests.gateway.conftest import RAW_KEY, SHIPPED, Gateway
from tests.ollama.conftest import CITY, HELLO, TOOLS, ask, body
from tests.shapes import misshapen

OFFERS = [make_offer(provider=name, preset=SHIPPED[name]) for name in ("groq", "gemini", "cohere", "mistral")]


def message(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x", **fields}]}


BAD_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("chat", {"messages": "Hello"}, "messages"),
    ("chat", {"messages": ["Hello"]}, "messages[0]"),
    ("chat", message(role="wizard"), "messages[0].role"),
    ("chat", {"messages": [{"content": "x"}]}, "messages[0].role"),
    ("chat", message(content=5), "messages[0].content"),
    ("chat", message(images="x"), "messages[0].images"),
    ("chat", message(images=["AAAA"]), "messages[0].images[0]"),
    ("chat", message(tool_calls=[{}]), "messages[0].tool_calls[0].function"),
    (
        "chat",
        message(tool_calls=[{"function": {"name": "f", "arguments": "{}"}}]),
        "messages[0].tool_calls[0].function.arguments",
    ),
    ("chat", {"tools": {}}, "tools"),
    ("chat", {"tools": [{"type": "function"}]}, "tools[0].function"),
    ("chat", {"tools": [{"type": "web", "function": {"name": "f"}}]}, "tools[0].type"),
    ("chat", {"tools": TOOLS * 65}, "tools"),
    ("chat", {"options": {"temperature": 3}}, "options.temperature"),
    ("chat", {"options": {"top_k": 1.5}}, "options.top_k"),
    ("chat", {"options": {"num_predict": "x"}}, "options.num_predict"),
    ("chat", {"options": {"stop": ["x"] * 17}}, "options.stop"),
    ("chat", {"format": "xml"}, "format"),
    ("chat", {"format": 5}, "format"),
    ("chat", {"think": "hard"}, "think"),
    ("chat", {"stream": "yes"}, "stream"),
    ("chat", {"model": 5}, "model"),
    ("chat", {"strategy": "no-such"}, "strategy"),
    ("chat", {"preferred_provider": "no-such"}, "provider"),
    ("generate", {"prompt": 5}, "prompt"),
    ("generate", {"suffix": "}"}, "suffix"),
    ("generate", {"images": ["AAAA"]}, "images[0]"),
    ("embed", {}, "input"),
    ("embed", {"input": []}, "input"),
    ("embed", {"input": ["x", ""]}, "input[1]"),
    ("embed", {"input": "x", "dimensions": 0}, "dimensions"),
    ("embeddings", {"prompt": ""}, "prompt"),
    ("show", {"model": ""}, "model"),
    ("show", {"model": 5}, "model"),
]


@pytest.mark.parametrize(
    ("way", "fields", "field"),
    BAD_FIELDS,
    ids=[f"{at}-{way}-{field}" for at, (way, _, field) in enumerate(BAD_FIELDS)],
)
async def test_bad_field_is_named(gateway: Gateway, way: str, fields: dict[str, Any], field: str):
    gateway.add("groq")

    answer = await ask(gateway, way, **fields)

    assert answer.status == 400
    assert answer.json.keys() == {"error"}
    assert field in answer.json["error"]
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
        b"\xff\xfe{}",
        b'{"messages": NaN}',
        b'{"prompt": "\\ud800", "input": "\\ud800", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"a":' * 5000,
        b"[" * 100_000,
        b'{"messages": ' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
@pytest.mark.parametrize("way", ["chat", "generate", "embed", "embeddings", "show"])
async def test_what_is_no_request_is_refused(gateway: Gateway, way: str, sent: bytes):
    gateway.add("groq")

    answer = await gateway.client.request("POST", f"/ollama/api/{way}", sent)

    assert 400 <= answer.status < 500
    assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ollama/api/chat", 405),
        ("POST", "/ollama/api/pull", 404),
        ("POST", "/ollama/api/chat/", 404),
        ("GET", "/ollama", 404),
    ],
)
async def test_routes_that_are_none(gateway: Gateway, method: str, path: str, status: int):
    answer = await gateway.client.request(method, path)

    assert (answer.status, isinstance(answer.json["error"], str)) == (status, True)


async def test_a_model_that_is_none(gateway: Gateway):
    gateway.add("groq")

    answer = await ask(gateway, model="llama3:8b")

    assert (answer.status, "llama3:8b" in answer.json["error"]) == (404, True)


async def test_keys(gateway: Gateway):
    gateway.add("groq")
    gateway.client.key = ""
    path, sent = "/ollama/api/chat", body(messages=HELLO)

    none = await gateway.client.request("POST", path, sent)
    in_query = await gateway.client.request("POST", f"{path}?key={RAW_KEY}", sent)
    either = await gateway.client.request("POST", path, sent, {"x-api-key": RAW_KEY})

    assert [answer.status for answer in (none, in_query, either)] == [401, 401, 200]
    assert isinstance(none.json["error"], str)


async def test_a_large_body_a_compressed_one_and_too_many_values(gateway: Gateway, settings: Any):
    settings.FREEAI_MAX_BODY_BYTES = 1000
    path = "/ollama/api/chat"
    large = await gateway.client.request("POST", path, body(keep_alive="x" * 1000))
    packed = await gateway.client.request("POST", path, body(), {"content-encoding": "gzip"})
    settings.FREEAI_MAX_JSON_VALUES = 10
    many = await gateway.client.request("POST", path, body(keep_alive=list(range(50))))

    assert [answer.status for answer in (large, packed, many)] == [413, 415, 413]


def test_garbage_anywhere_in_a_request_is_never_a_fault():
    """Each value of a whole request, replaced by what it is not: it is refused, or it is a request that every wire can write."""
    call = {"id": "a", "function": {"name": "get_weather", "arguments": {"city": "Rome"}}}
    whole = orjson.loads(
        body(
            messages=[
                *HELLO,
                {"role": "assistant", "content": "", "thinking": "x", "tool_calls": [call]},
                {"role": "tool", "tool_name": "get_weather", "content": "Sunny"},
            ],
            tools=TOOLS,
            options={"temperature": 0.5, "stop": ["x"], "num_predict": 5},
            format=CITY,
            think="low",
            prompt="x",
            system="y",
        )
    )
    refused: list[ApiError] = []
    unread: list[Any] = []
    taken = 0
    for case in misshapen(whole, mixed=500):
        for parse in (parse_chat, parse_generate):
            try:
                asked = parse(orjson.dumps(case))
            except ApiError as error:
                refused.append(error)
                continue
            if asked.chat is None:
                continue
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
