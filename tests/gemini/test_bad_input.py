"""Hostile and broken requests: a 4xx in Google's shape that names the field, and never a 500."""

from typing import Any

import orjson
import pytest

from apps.gateway.endpoints.gemini.wire.request import count_tokens, parse
from apps.gateway.wire.errors import ApiError
from apps.providers.adapters.chat import codec_for
from apps.providers.errors import ErrorKind, UpstreamError
from apps.strategies.reading import observe
from tests.factories import make_offer
from tests.gateway.conftest import SHIPPED, Gateway
from tests.gemini.conftest import HELLO, TOOLS, ask, body
from tests.shapes import misshapen

OFFERS = [make_offer(provider=name, preset=SHIPPED[name]) for name in ("groq", "gemini", "cohere", "mistral")]
GENERATE = "/v1beta/models/freeai-auto:generateContent"


def user(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def model(*parts: Any) -> dict[str, Any]:
    return {"contents": [*HELLO, {"role": "model", "parts": list(parts)}]}


def config(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


def calling(**fields: Any) -> dict[str, Any]:
    return {"toolConfig": {"functionCallingConfig": fields}}


CHOICE = "toolConfig.functionCallingConfig"
CONFIG = "generationConfig"
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"contents": ...}, "contents"),
    ({"contents": []}, "contents"),
    ({"contents": "Hello"}, "contents"),
    ({"contents": ["Hello"]}, "contents[0]"),
    ({"contents": [{"role": "wizard", "parts": []}]}, "contents[0].role"),
    ({"contents": [{"role": "user", "parts": "x"}]}, "contents[0].parts"),
    (user("x"), "contents[0].parts[0]"),
    (user({"text": 5}), "contents[0].parts[0].text"),
    (user({"inlineData": {"mimeType": "image/png"}}), "contents[0].parts[0].inlineData.data"),
    (
        user({"inlineData": {"data": "AAAA", "mimeType": "model/gltf"}}),
        "contents[0].parts[0].inlineData.mimeType",
    ),
    (
        user({"inlineData": {"data": "/w==", "mimeType": "text/plain"}}),
        "contents[0].parts[0].inlineData.data",
    ),
    (user({"fileData": {"fileUri": "files/abc"}}), "contents[0].parts[0].fileData.fileUri"),
    (
        user({"file_data": {"file_uri": "file:///etc/passwd", "mime_type": "image/png"}}),
        "contents[0].parts[0].fileData.fileUri",
    ),
    (user({"functionCall": {"name": "f"}}), "contents[0].parts[0].functionCall"),
    (user({"functionResponse": {"name": 5}}), "contents[0].parts[0].functionResponse.name"),
    (model({"functionCall": {"args": {}}}), "contents[1].parts[0].functionCall.name"),
    (model({"functionCall": {"name": "f", "args": "x"}}), "contents[1].parts[0].functionCall.args"),
    (model({"inlineData": {"data": "AAAA", "mimeType": "image/png"}}), "contents[1].parts[0]"),
    ({"systemInstruction": "Be brief"}, "systemInstruction"),
    ({"system_instruction": {"parts": [{"text": 1}]}}, "systemInstruction.parts[0].text"),
    (config(temperature=3), f"{CONFIG}.temperature"),
    (config(temperature=True), f"{CONFIG}.temperature"),
    (config(top_p=1.5), f"{CONFIG}.topP"),
    (config(topK=-1), f"{CONFIG}.topK"),
    (config(maxOutputTokens=0), f"{CONFIG}.maxOutputTokens"),
    (config(max_output_tokens="1"), f"{CONFIG}.maxOutputTokens"),
    (config(candidateCount=9), f"{CONFIG}.candidateCount"),
    (config(stopSequences=["x"] * 17), f"{CONFIG}.stopSequences"),
    (config(stopSequences=[""]), f"{CONFIG}.stopSequences[0]"),
    (config(responseMimeType="text/x.enum"), f"{CONFIG}.responseMimeType"),
    (config(responseMimeType="application/json", responseSchema="x"), f"{CONFIG}.responseSchema"),
    (config(responseModalities=["IMAGE"]), f"{CONFIG}.responseModalities"),
    (config(thinkingConfig={"thinkingBudget": -2}), f"{CONFIG}.thinkingConfig.thinkingBudget"),
    (config(thinkingConfig={"thinkingLevel": "ultra"}), f"{CONFIG}.thinkingConfig.thinkingLevel"),
    ({"tools": "x"}, "tools"),
    ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
    (
        {"tools": [{"function_declarations": [{"name": "f", "parameters": 5}]}]},
        "tools[0].functionDeclarations[0].parameters",
    ),
    ({"tools": [{"functionDeclarations": [{"name": "f"}] * 129}]}, "tools[0].functionDeclarations"),
    ({"tools": [{"functionDeclarations": [{"name": "f"}] * 70}] * 2}, "tools"),
    ({"tools": [{"googleSearch": {}}]}, "tools[0].googleSearch"),
    ({"tools": TOOLS, **calling(mode="SOME")}, f"{CHOICE}.mode"),
    (calling(mode="ANY"), f"{CHOICE}.mode"),
    (
        {"tools": TOOLS, **calling(mode="ANY", allowedFunctionNames=["other"])},
        f"{CHOICE}.allowedFunctionNames",
    ),
    ({"strategy": "no-such"}, "strategy"),
    ({"preferred_provider": "no-such"}, "preferred_provider"),
    ({"fallback": "no"}, "fallback"),
]


def field_of(error: dict[str, Any]) -> str:
    (field,) = (
        violation["field"] for detail in error["details"] for violation in detail.get("fieldViolations", ())
    )
    return str(field)


@pytest.mark.parametrize(
    ("fields", "field"), BAD_FIELDS, ids=[str(at) + field for at, (_, field) in enumerate(BAD_FIELDS)]
)
@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
async def test_bad_field_is_named(gateway: Gateway, fields: dict[str, Any], field: str, method: str):
    gateway.add("groq")

    answer = await ask(gateway, method, **fields)

    assert answer.status == 400
    assert (answer.error["code"], answer.error["status"]) == (400, "INVALID_ARGUMENT")
    assert field_of(answer.error) == field
    assert gateway.fake.journal == []
    assert gateway.events() == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"content": ...}, "content"),
        ({"content": {"parts": []}}, "content.parts"),
        ({"content": {"parts": [{"text": ""}]}}, "content.parts"),
        ({"content": {"parts": [{"inlineData": {"data": "AA"}}]}}, "content.parts[0]"),
        ({"outputDimensionality": 0}, "outputDimensionality"),
        ({"model": "models/another"}, "model"),
    ],
)
async def test_bad_field_of_a_text_to_embed_is_named(gateway: Gateway, fields: dict[str, Any], field: str):
    gateway.add("mistral", "mistral-embed", task="embedding")
    good = {"content": {"parts": [{"text": "x"}]}}
    spoilt = {name: value for name, value in (good | fields).items() if value is not ...}

    path = "/v1beta/models/mistral-embed:embedContent"
    one = await gateway.client.request("POST", path, orjson.dumps(spoilt))
    many = await ask(
        gateway, "batchEmbedContents", model="mistral-embed", contents=..., requests=[good, spoilt]
    )
    none = await ask(gateway, "batchEmbedContents", model="mistral-embed", contents=..., requests=[])

    assert (one.status, field_of(one.error)) == (400, field)
    assert (many.status, field_of(many.error)) == (400, f"requests[1].{field}")
    assert (none.status, field_of(none.error)) == (400, "requests")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00",
        b"\xff\xfe{}",
        b'{"contents": NaN}',
        b'{"contents": [{"parts": [{"text": "\\ud800"}]}]}',
        b'{"a":' * 5000,
        b"[" * 100_000,
        b'{"contents": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"generationConfig": {"maxOutputTokens": 9'
        + b"9" * 400
        + b'}, "contents": [{"parts": [{"text": "x"}]}]}',
    ],
)
@pytest.mark.parametrize(
    "method",
    ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"],
)
async def test_what_is_no_request_is_refused(gateway: Gateway, method: str, sent: bytes):
    gateway.add("groq")

    answer = await gateway.client.request("POST", f"/v1beta/models/freeai-auto:{method}", sent)

    assert 400 <= answer.status < 500
    assert answer.error["code"] == answer.status
    assert answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", GENERATE, 405, "UNIMPLEMENTED"),
        ("POST", "/v1beta/models/freeai-auto:predict", 405, "UNIMPLEMENTED"),
        ("POST", "/v1beta/nothing", 404, "NOT_FOUND"),
        ("POST", "/v1beta", 404, "NOT_FOUND"),
        ("POST", f"{GENERATE}/", 405, "UNIMPLEMENTED"),
    ],
)
async def test_routes_that_are_none(gateway: Gateway, method: str, path: str, status: int, word: str):
    answer = await gateway.client.request(method, path)

    assert (answer.status, answer.error["status"]) == (status, word)


@pytest.mark.parametrize(("name", "status"), [("no-such", 404), ("x" * 300, 400), ("ä", 400)])
async def test_models_that_are_none(gateway: Gateway, name: str, status: int):
    gateway.add("groq")

    answer = await ask(gateway, model=name)

    assert (answer.status, answer.error["code"]) == (status, status)


async def test_another_way_to_stream(gateway: Gateway):
    answer = await ask(gateway, "streamGenerateContent?alt=proto")

    assert (answer.status, field_of(answer.error)) == (400, "alt")


async def test_a_large_body_a_compressed_one_and_too_many_values(gateway: Gateway, settings: Any):
    settings.FREEAI_MAX_BODY_BYTES = 1000
    large = await gateway.client.request("POST", GENERATE, body(labels={"x": "x" * 1000}))
    packed = await gateway.client.request("POST", GENERATE, body(), {"content-encoding": "gzip"})
    settings.FREEAI_MAX_JSON_VALUES = 10
    many = await gateway.client.request("POST", GENERATE, body(labels=list(range(50))))

    assert [answer.status for answer in (large, packed, many)] == [413, 415, 413]
    assert {answer.error["status"] for answer in (large, packed, many)} == {"INVALID_ARGUMENT"}


def test_garbage_anywhere_in_a_request_is_never_a_fault():
    """Each value of a whole request, replaced by what it is not: it is refused, or it is a request that every wire can write."""
    call = {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}, "thoughtSignature": "eA=="}
    response = {"functionResponse": {"name": "get_weather", "response": {"output": "x"}}}
    left = [{"executableCode": {"code": "x"}}, {"codeExecutionResult": {"output": "y"}}]
    whole = orjson.loads(
        body(
            systemInstruction={"parts": [{"text": "x"}]},
            tools=[*TOOLS, {"googleSearch": {}}],
            **calling(mode="ANY", allowedFunctionNames=["get_weather"]),
            **config(
                responseMimeType="application/json",
                responseSchema={"type": "OBJECT", "properties": {"a": {"type": "STRING", "minLength": "1"}}},
                thinkingConfig={"includeThoughts": True, "thinkingBudget": 2000},
                stopSequences=["x"],
            ),
            contents=[
                *HELLO,
                {"role": "model", "parts": [{"text": "x", "thought": True}, call, *left]},
                {
                    "role": "user",
                    "parts": [response, {"inlineData": {"mimeType": "text/plain", "data": "eA=="}}],
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
            asked = parse("freeai-auto", sent, stream=False)
        except ApiError as error:
            refused.append(error)
            continue
        assert count_tokens(sent) >= 0
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
