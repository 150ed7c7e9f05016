"""Hostile and broken requests: a 4xx in OpenAI's shape that names the field, and never a 500."""

from typing import Any

import orjson
import pytest

from apps.clients.windows import SPANS, windows_of
from apps.gateway.endpoints.responses.wire.request import parse, read
from apps.gateway.wire.errors import ApiError
from apps.providers.adapters.chat import codec_for
from apps.providers.errors import ErrorKind, UpstreamError
from apps.strategies.reading import observe
from tests.factories import make_offer
from tests.gateway.conftest import RAW_KEY, SHIPPED, USER, Gateway, use_key
from tests.responses.conftest import FIXTURES, PATH, TOOL, ask, body
from tests.responses.nothing import Nothing
from tests.shapes import misshapen

OFFERS = [make_offer(provider=name, preset=SHIPPED[name]) for name in ("groq", "gemini", "cohere", "mistral")]


def item(**members: Any) -> dict[str, Any]:
    return {"input": [members]}


def user(*parts: Any) -> dict[str, Any]:
    return item(role="user", content=list(parts))


PART = "input[0].content[0]"
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"input": ...}, "input"),
    ({"input": None}, "input"),
    ({"input": []}, "input"),
    ({"input": 5}, "input"),
    ({"input": ["Hello"]}, "input[0]"),
    ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input"),
    (item(), "input[0].type"),
    (item(type="hologram"), "input[0].type"),
    (item(type=[]), "input[0].type"),
    (item(type="compaction", encrypted_content="x"), "input[0].type"),
    (item(type="compaction_trigger"), "input[0].type"),
    (item(role="wizard", content="x"), "input[0].role"),
    (item(role="tool", content="x"), "input[0].role"),
    (item(role="user"), "input[0].content"),
    (item(role="user", content=5), "input[0].content"),
    (user({"type": "input_text"}), f"{PART}.text"),
    (user({"type": "hologram"}), f"{PART}.type"),
    (user({"text": "x"}), f"{PART}.type"),
    (user({"type": "input_image"}), f"{PART}.image_url"),
    (user({"type": "input_image", "file_id": "file_1"}), f"{PART}.file_id"),
    (user({"type": "input_image", "image_url": {"url": "x"}}), f"{PART}.image_url"),
    (user({"type": "input_file"}), f"{PART}.file_data"),
    (user({"type": "input_file", "file_id": "file_1"}), f"{PART}.file_id"),
    (user({"type": "input_file", "file_url": "http://127.0.0.1/x"}), f"{PART}.file_url"),
    (user({"type": "input_audio", "input_audio": {"data": "x"}}), f"{PART}.input_audio.format"),
    (item(role="developer", content=[IMAGE]), f"{PART}.type"),
    (item(role="assistant", content=[IMAGE]), f"{PART}.type"),
    (item(type="function_call", name="f", arguments="{}"), "input[0].call_id"),
    (item(type="function_call", call_id="a", name="", arguments="{}"), "input[0].name"),
    (item(type="function_call", call_id="a", name="f", arguments={}), "input[0].arguments"),
    (item(type="custom_tool_call", call_id="a", name="f"), "input[0].input"),
    (item(type="function_call_output", output="x"), "input[0].call_id"),
    (item(type="function_call_output", call_id="a"), "input[0].output"),
    (item(type="function_call_output", call_id="a", output=[{"type": "x"}]), "input[0].output[0].type"),
    (item(type="item_reference"), "input[0].id"),
    (item(type="item_reference", id="msg_1"), "input[0].id"),
    (item(type="additional_tools", role="developer"), "input[0].tools"),
    (item(type="additional_tools", tools=[{"type": "function"}]), "input[0].tools[0].name"),
    ({"instructions": ["x"]}, "instructions"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"max_output_tokens": 1.5}, "max_output_tokens"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"top_logprobs": 21}, "top_logprobs"),
    ({"include": "reasoning"}, "include"),
    ({"stream": "yes"}, "stream"),
    ({"store": "yes"}, "store"),
    ({"metadata": {"a": 1}}, "metadata"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"name": "x"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [{"type": "custom"}]}, "tools[0].name"),
    ({"tools": [{"type": "namespace", "tools": []}]}, "tools[0].name"),
    (
        {"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "function"}]}]},
        "tools[0].tools[0].name",
    ),
    ({"tools": [TOOL | {"parameters": "y"}]}, "tools[0].parameters"),
    ({"tools": [TOOL] * 129}, "tools"),
    ({"tools": [TOOL, {"type": "custom", "name": TOOL["name"]}]}, "tools[1].name"),
    (
        {
            "tools": [
                TOOL | {"name": "a__b"},
                {"type": "namespace", "name": "a", "tools": [TOOL | {"name": "b"}]},
            ]
        },
        "tools[1].tools[0].name",
    ),
    ({"tools": [TOOL], "tool_choice": "some"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice.name"),
    ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "some"}}, "tool_choice.mode"),
    ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "required"}}, "tool_choice.tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [TOOL, {"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "tools[1].type"),
    ({"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
    ({"reasoning": {"effort": "hard"}}, "reasoning.effort"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
    ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
    ({"text": {"verbosity": "endless"}}, "text.verbosity"),
    ({"truncation": "some"}, "truncation"),
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"conversation": {"id": "conv_1"}, "previous_response_id": "resp_1"}, "conversation"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"background": True}, "background"),
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

    answer = await ask(gateway, **fields)

    assert answer.status == 400, answer.body
    assert answer.json.keys() == {"error"}
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == param, answer.error
    assert answer.error["message"]
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
        b'{"input": "a\x00b"}',
        b"\xff\xfe{}",
        b'{"input": NaN}',
        b'{"input": "\\ud800"}',
        b'{"a":' * 5000,
        b"[" * 100_000,
        b'{"input": ' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"max_output_tokens": 9' + b"9" * 400 + b', "input": "x"}',
    ],
)
@pytest.mark.parametrize("path", [PATH, f"{PATH}/input_tokens"])
async def test_what_is_no_request_is_refused(gateway: Gateway, path: str, sent: bytes):
    gateway.add("groq")

    answer = await gateway.client.request("POST", path, sent)

    assert 400 <= answer.status < 500
    assert answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("POST", f"{PATH}/", 404),
        ("POST", f"{PATH}/compact", 404),
        ("POST", f"{PATH}/resp_1", 405),
        ("POST", f"{PATH}/resp_1/x", 404),
        ("GET", f"{PATH}/resp_1", 404),
        ("DELETE", f"{PATH}/resp_1", 404),
        ("POST", f"{PATH}/resp_1/cancel", 404),
        ("GET", f"{PATH}/resp_1/input_items", 404),
        ("GET", f"{PATH}/resp_1/input_items?limit=0", 400),
        ("GET", f"{PATH}/resp_1/input_items?limit=%C2%B2", 400),
        ("GET", f"{PATH}/resp_1/input_items?order=up", 400),
        ("GET", f"{PATH}/resp_1?stream=true", 400),
    ],
)
async def test_routes_that_are_none(gateway: Gateway, method: str, path: str, status: int):
    answer = await gateway.client.request(method, path)

    assert (answer.status, answer.error["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PATH),
        ("POST", f"{PATH}/input_tokens"),
        ("GET", f"{PATH}/resp_1"),
        ("DELETE", f"{PATH}/resp_1"),
        ("POST", f"{PATH}/resp_1/cancel"),
        ("GET", f"{PATH}/resp_1/input_items"),
    ],
)
async def test_all_of_it_needs_a_key(gateway: Gateway, method: str, path: str):
    gateway.client.key = ""

    answer = await gateway.client.request(method, path, body())

    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


async def test_a_large_body_a_compressed_one_and_too_many_values(gateway: Gateway, settings: Any):
    settings.FREEAI_MAX_BODY_BYTES = 1000
    large = await ask(gateway, instructions="x" * 1000)
    packed = await gateway.client.request("POST", PATH, body(), {"content-encoding": "zstd"})
    settings.FREEAI_MAX_JSON_VALUES = 10
    many = await ask(gateway, client_metadata=list(range(50)))

    assert (large.status, large.error["code"]) == (413, "request_too_large")
    assert packed.status == 415
    assert (many.status, many.error["code"]) == (413, "request_too_large")


async def test_what_a_key_may_not(gateway: Gateway):
    gateway.add("groq")
    unknown = await ask(gateway, model="gpt-nonsense")
    use_key(allowed_endpoints=frozenset({"embeddings"}))
    elsewhere = await ask(gateway)
    use_key(windows=windows_of(USER, 7, {SPANS["rpm_limit"]: 1}))
    await ask(gateway)
    spent = await ask(gateway)
    gateway.client.key = RAW_KEY[:-1] + "x"
    wrong = await ask(gateway)

    assert (unknown.status, unknown.error["param"]) == (404, "model")
    assert (elsewhere.status, elsewhere.error["code"]) == (403, "endpoint_not_allowed")
    assert (spent.status, spent.error["type"]) == (429, "rate_limit_error")
    assert int(spent.headers["retry-after"]) > 0
    assert wrong.status == 401


def test_garbage_anywhere_in_a_request_is_never_a_fault():
    """Each value of a whole request, replaced by what it is not: it is refused, or it is a request that every wire can write."""
    whole = {
        **FIXTURES["codex-responses-tool-replay"]["body"],
        **FIXTURES["codex-responses-image-schema"]["body"],
    }
    whole["tools"] = FIXTURES["codex-responses-tool-replay"]["body"]["tools"]
    whole["input"] = [
        *FIXTURES["codex-responses-tool-replay"]["body"]["input"][-6:],
        *FIXTURES["aisdk-responses-history-files"]["body"]["input"],
        {"type": "additional_tools", "tools": [TOOL]},
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "x"}},
    ]
    refused: list[ApiError] = []
    unread: list[Any] = []
    taken = 0
    del whole["client_metadata"]
    for case in misshapen(whole, mixed=500):
        try:
            asked = parse(read(orjson.dumps(case)), Nothing())
        except ApiError as error:
            refused.append(error)
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
