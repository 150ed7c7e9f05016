"""Hostile and broken requests: a 4xx in OpenAI's shape that names the field, and never a 500."""

from types import SimpleNamespace

import orjson
import pytest

from tests.asgi import chat_body
from tests.edges import BOTH
from tests.gateway.conftest import Gateway

pytestmark = BOTH

HELLO = [{"role": "user", "content": "Hello"}]
BAD_FIELDS = [
    ({"messages": []}, "messages"),
    ({"messages": "Hello"}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"content": "x"}]}, "messages[0].role"),
    ({"messages": ["Hello"]}, "messages[0]"),
    ({"messages": [*HELLO, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "system", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
    (
        {"messages": [{"role": "developer", "content": [{"type": "image_url", "text": "x"}]}]},
        "messages[0].content[0].type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 1}}]}]},
        "messages[0].content[0].image_url.url",
    ),
    ({"temperature": 3}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"n": 0}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"stop": [1]}, "stop[0]"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": []}, "stream_options"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "custom", "custom": {"name": [1]}}]}, "tools[0].custom.name"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"logit_bias": {"5": 1000}}, "logit_bias"),
    ({"model": 7}, "model"),
    ({"strategy": 7}, "strategy"),
    ({"strategy": "no-such"}, "strategy"),
    ({"preferred_provider": "no-such"}, "preferred_provider"),
    ({"fallback": "no"}, "fallback"),
    ({"input": "Hello", "messages": ...}, "input"),
]


@pytest.mark.parametrize(("fields", "param"), BAD_FIELDS, ids=[param for _, param in BAD_FIELDS])
async def test_bad_field_is_named(gateway: Gateway, fields: dict, param: str):
    gateway.add("groq")
    body = {"messages": HELLO, **fields}
    body = {name: value for name, value in body.items() if value is not ...}

    answer = await gateway.client.request("POST", "/v1/chat/completions", orjson.dumps(body))

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == param
    assert gateway.fake.journal == []
    assert gateway.events() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\x00",
        b'{"messages": [{"role": "user", "content": "a\x00b"}]}',
        b"\xff\xfe{}",
        b'{"messages": NaN}',
        b"[" * 5000 + b"]" * 5000,
        b'{"messages": [{"role": "user", "content": "x"}], "metadata_x": ' + b"[" * 200 + b"]" * 200 + b"}",
        b"model=gpt&messages=x",
        b"--x\r\nContent-Disposition: form-data; name=messages\r\n\r\nhi\r\n--x--",
    ],
    ids=range(13),
)
async def test_unreadable_body_is_a_400(gateway: Gateway, body: bytes):
    gateway.add("groq")

    answer = await gateway.client.request("POST", "/v1/chat/completions", body)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["message"]


async def test_escaped_nul_in_content_reaches_the_upstream_untouched(gateway: Gateway):
    gateway.add("groq", "ok")

    answer = await gateway.client.chat(messages=[{"role": "user", "content": "a\x00b"}])

    assert answer.status == 200
    assert gateway.fake.journal[0].body["messages"][0]["content"] == "a\x00b"


async def test_thirty_megabytes_are_a_413(gateway: Gateway):
    body = chat_body(messages=[{"role": "user", "content": "x" * 30_000_000}])

    declared = await gateway.client.request("POST", "/v1/chat/completions", body)
    undeclared = await gateway.client.request("POST", "/v1/chat/completions", body, {"content-length": ""})

    assert (declared.status, undeclared.status) == (413, 413)
    assert declared.error["type"] == "invalid_request_error"


async def test_ten_megabytes_of_messages_fit_no_context_window(gateway: Gateway):
    gateway.add("groq")

    answer = await gateway.client.chat(messages=[{"role": "user", "content": "word " * 20_000}] * 100)

    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert answer.error["param"] == "messages"


async def test_unknown_model_is_a_404(gateway: Gateway):
    gateway.add("groq")

    answers = [await gateway.client.chat(model=name) for name in ("gpt-9", "groq/none", "a\x00b")]

    assert {(answer.status, answer.error["code"]) for answer in answers} == {(404, "model_not_found")}


async def test_unknown_fields_pass_through_untouched(gateway: Gateway):
    gateway.add("openai", "ok")

    answer = await gateway.client.chat(top_k=40, my_field={"a": [1, 2]}, seed=7)

    assert answer.status == 200
    received = gateway.fake.journal[0].body
    assert (received["top_k"], received["my_field"], received["seed"]) == (40, {"a": [1, 2]}, 7)
    assert not {"strategy", "preferred_provider", "fallback"} & set(received)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/nothing", 404),
        ("DELETE", "/v1/models", 405),
        ("GET", "/v1/%00", 404),
    ],
)
async def test_wrong_paths_and_methods_answer_in_openai_shape(
    gateway: Gateway, method: str, path: str, status: int
):
    answer = await gateway.client.request(method, path)

    assert answer.status == status
    assert set(answer.error) >= {"message", "type", "param", "code"}


async def test_hostile_authorization_headers_are_401(gateway: Gateway):
    for value in (
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer ' OR 1=1--",
        "Bearer " + "x" * 10_000,
        "Bearer \xe9",
    ):
        answer = await gateway.client.request(
            "POST", "/v1/chat/completions", chat_body(), {"authorization": value}
        )
        assert answer.status == 401, value


MANY = {
    "empty lists": b'{"messages": [{"role": "user", "content": "hi"}], "input": "hi", "x": [%s'
    % (b"[]," * 400_000),
    "tiny messages": b'{"messages": [%s{}]}' % (b"{}," * 850_000),
    "short messages": b'{"messages": [%s{}]}' % (b'{"role":"user","content":""},' * 850_000),
    "short inputs": b'{"input": [%s""]}' % (b'"a",' * 850_000),
    "keys": b'{"messages": [], %s"a": 1}' % (b'"a":1,' * 850_000),
}
SURFACES = [
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/responses",
    "/v1/responses/input_tokens",
]


@pytest.mark.parametrize("path", SURFACES)
@pytest.mark.parametrize("body", MANY.values(), ids=MANY)
async def test_many_values_are_refused_before_they_are_decoded(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes
):
    gateway.add("groq", "ok")
    decoded: list[bytes] = []
    decoder = SimpleNamespace(loads=decoded.append, JSONDecodeError=orjson.JSONDecodeError)
    monkeypatch.setattr("apps.gateway.wire.body.orjson", decoder)

    answer = await gateway.client.request("POST", path, body)

    assert answer.status == 413
    assert "JSON values" in answer.error["message"]
    assert decoded == []


async def test_a_long_prompt_full_of_commas_is_not_many_values(gateway: Gateway):
    gateway.add("groq", "ok")

    answer = await gateway.client.chat(messages=[{"role": "user", "content": "1,2,[3]:{4}, " * 30_000}])

    assert answer.status == 200


async def test_of_a_key_that_is_there_twice_the_last_value_counts(gateway: Gateway):
    gateway.add("groq", "one", "two")
    message = b'{"role": "user", "content": "first", "content": "last"}'

    body = b'{"model": "one", "messages": [%s], "model": "groq/two"}' % message
    await gateway.client.request("POST", "/v1/chat/completions", body)

    (received,) = gateway.fake.journal
    assert (received.body["model"], received.body["messages"][0]["content"]) == ("two", "last")


@pytest.mark.parametrize("model", ["freeai-nope", "freeai-", "freeai-fats", "freeai-" + "x" * 200])
async def test_a_virtual_model_that_selects_nothing_is_told_those_that_do(gateway: Gateway, model: str):
    gateway.add("groq")

    answer = await gateway.client.chat(model=model)

    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, None, "model")
    assert answer.error["message"].startswith(f"Unknown virtual model `{model[:100]}`.")
    assert "Known: freeai-auto, " in answer.error["message"] and "freeai-long" in answer.error["message"]
