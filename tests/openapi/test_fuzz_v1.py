"""`/v1` asked by its OpenAPI document, at a server of its own with fakes for upstreams: right requests, wrong ones and broken ones."""

import random
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

from fakes import FakeUpstream
from tests.e2e import plain, server
from tests.e2e.conftest import upstream  # noqa: F401 - a fixture
from tests.e2e.server import Server
from tests.gateway.audio import SAMPLES
from tests.openapi import fuzzing

ROUTES = [*fuzzing.routes("/v1/"), *fuzzing.routes("/ollama"), ("/api/health", "get")]
WAV = SAMPLES["wav"].decode()
CHAT = "/v1/chat/completions"
CALL: dict[str, Any] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": "{}"},
}
FORM_TYPE = "multipart/form-data; boundary=x"
PICTURE = "RIFF\x24\x00\x00\x00WEBPVP8 " + "x" * 24


def form(name: str, file: str, **fields: str) -> bytes:
    """A form with a file, by the boundary of FORM_TYPE."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a.bin"\r\n\r\n{file}\r\n'
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{it}"\r\n\r\n{said}\r\n' for it, said in fields.items()
    ]
    return "".join([head, *parts, "--x--\r\n"]).encode()


FORMS = {
    "/v1/audio/transcriptions": form(
        "file", WAV, **{"response_format": "verbose_json", "timestamp_granularities[]": "segment"}
    ),
    "/v1/audio/translations": form("file", WAV, response_format="verbose_json", temperature="0.5"),
    "/v1/images/edits": form("image[]", PICTURE, prompt="at night", n="1", size="512x512", fallback="true"),
}
BEHAVIOURS = ("ok", "tool_call", "parallel_tools", "text_and_tool", "reasoning", "length", "no_usage")
SENSIBLE = ("ok", "no_usage")
"""For moderation, where a chat model is asked for a verdict by a schema: a call of a tool is none, nor is half a one."""
UNLIMITED = dict.fromkeys(("second", "minute", "hour", "day", "month"), 0)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:  # noqa: F811
    """Groq, Mistral and Gemini at the fakes, with nothing to run out of and nobody to wait for."""
    running = server.start(tmp_path_factory.mktemp("fuzzed"), "--no-tasks")
    for name in ("groq", "mistral", "gemini"):
        ours = {
            "api_key": f"key-of-{name}-0123456789",
            "limits": {"requests": UNLIMITED, "tokens": UNLIMITED},
        }
        assert (
            running.api("PATCH", f"providers/{name}", json={"base_url": upstream.url(name)}).status_code
            == 200
        )
        assert running.api("PATCH", f"me/providers/{name}", json=ours).status_code == 200
    yield running
    running.stop()
    assert own_faults(running) == []


@pytest.fixture(scope="module")
def operations():
    return fuzzing.operations()


def own_faults(running: Server) -> list[str]:
    log = (running.data_dir / "console.log").read_text()
    return [line[:2000] for line in log.splitlines() if re.search(r'"level": ?"(error|critical)"', line)]


@pytest.mark.parametrize("reach", [False, True], ids=["as it comes", "to a model"])
@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_a_route_answers_as_it_is_described(gateway, upstream, operations, path, method, reach):  # noqa: F811
    headers = {"Authorization": f"Bearer {gateway.client_key}"}
    behaviours = SENSIBLE if path == "/v1/moderations" else BEHAVIOURS
    drawn = random.Random(1)

    def ask(case):
        upstream.default_behaviour = drawn.choice(behaviours)
        if reach:
            lead_to_a_model(case)
        response = case.call(base_url=gateway.url, headers=headers, timeout=60)
        sent = {"base_url": gateway.url, "headers": headers}
        fuzzing.judge(case, response, headers=headers, transport_kwargs=sent)

    fuzzing.ask_all(operations[path, method], ask, bounds=reach)


def lead_to_a_model(case):
    """What is right by the schema becomes what can be served: no names of what is not there, sound in the file, no 10,000 inputs."""
    if "model" in (case.path_parameters or ()) and fuzzing.is_right_at(case, ParameterLocation.PATH):
        case.path_parameters = {"model": "freeai-fast"}
    if isinstance(case.body, dict) and fuzzing.is_right_at(case, ParameterLocation.BODY):
        for name in ("model", "strategy", "preferred_provider"):
            case.body.pop(name, None)
        if isinstance(case.body.get("input"), list):
            del case.body["input"][100:]
        if "file" in case.body:
            case.body["file"] = WAV
            if case.path.endswith("transcriptions"):
                case.body["language"] = "en"
        if "image" in case.body:
            case.body["image"] = PICTURE


GOOGLES: dict[str, Any] = {
    "generateContent": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Grüße 👋"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "weather", "response": {"output": "24"}}}],
            },
        ],
        "tools": [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 16, "stopSequences": ["x"]},
    },
    "countTokens": {"contents": [{"parts": [{"text": "one"}]}]},
    "embedContent": {"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 8},
    "batchEmbedContents": {"requests": [{"content": {"parts": [{"text": "one"}]}}]},
}
GOOGLES["streamGenerateContent"] = GOOGLES["generateContent"]
BODIES = {
    CHAT: orjson.dumps(
        {
            "model": "freeai-auto",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Grüße 👋"}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "24"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
            ],
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
            "max_tokens": 16,
            "temperature": 0.5,
            "stream_options": {"include_usage": True},
        }
    ),
    "/v1/responses": orjson.dumps(
        {
            "model": "freeai-auto",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Grüße 👋"}]},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "freeai1.AAAA"},
                {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "24"},
            ],
            "tools": [
                {"type": "function", "name": "weather", "parameters": {"type": "object"}},
                {"type": "custom", "name": "patch", "format": {"type": "grammar", "definition": "x"}},
                {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "wait"}]},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "name": "weather"},
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "x", "schema": {}}},
            "max_output_tokens": 16,
        }
    ),
    "/v1/messages": orjson.dumps(
        {
            "model": "claude-sonnet-5",
            "max_tokens": 16,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Grüße 👋"}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm.", "signature": ""},
                        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_1", "content": "24", "is_error": False}
                    ],
                },
            ],
            "tools": [{"name": "weather", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "auto"},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
        }
    ),
    "/v1/completions": orjson.dumps(
        {
            "model": "freeai-auto",
            "prompt": ["Grüße 👋", "Two"],
            "max_tokens": 16,
            "n": 1,
            "best_of": 1,
            "echo": False,
            "stop": ["x"],
            "logit_bias": {"5": 1},
            "stream_options": {"include_usage": True},
        }
    ),
    "/v1/embeddings": orjson.dumps({"input": ["one", "two"], "encoding_format": "base64", "dimensions": 8}),
    **FORMS,
    "/v1/audio/speech": orjson.dumps({"input": "one", "voice": {"id": "alloy"}, "speed": 1}),
    "/v1/images/generations": orjson.dumps({"prompt": "one", "n": 1, "size": "512x512"}),
    "/v1/moderations": orjson.dumps({"input": [{"type": "text", "text": "one"}]}),
    "/v1/rerank": orjson.dumps({"query": "one", "documents": ["one", {"text": "two"}], "top_n": 1}),
    "/v1/responses/input_tokens": orjson.dumps(
        {"model": "freeai-auto", "input": "one", "instructions": "two"}
    ),
    "/v1/messages/count_tokens": orjson.dumps(
        {"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "one"}], "system": "two"}
    ),
    **{
        f"/{version}/models/{{model}}:{method}": orjson.dumps(asked)
        for version in ("v1", "v1beta")
        for method, asked in GOOGLES.items()
    },
    "/ollama/api/chat": orjson.dumps(
        {
            "model": "freeai-auto:latest",
            "messages": [
                {"role": "user", "content": "Grüße 👋"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"function": CALL["function"] | {"arguments": {}}}],
                },
                {"role": "tool", "tool_name": "weather", "content": "24"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
            ],
            "format": {"type": "object"},
            "options": {"temperature": 0.5, "num_predict": 16, "stop": ["x"]},
            "think": True,
            "stream": False,
        }
    ),
    "/ollama/api/generate": orjson.dumps(
        {"model": "freeai-auto", "prompt": "one", "system": "two", "format": "json"}
    ),
    "/ollama/api/embed": orjson.dumps({"model": "mistral-embed", "input": ["one", "two"]}),
    "/ollama/api/show": orjson.dumps({"model": "freeai-auto"}),
}
HOSTILE = (
    *(b"NaN", b"1e999", b"-0", b"9" * 400, b"null", b"{}", b"[]", b'""', b"true", b'"\\ud800"', b'"\\u0000"'),
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"[" * 300, b'{"a":' * 300, b",", b'"', b"\r\n", b"--x--"),
)
A_MUTATION = st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from((b"", *HOSTILE)))


@pytest.mark.parametrize("path", BODIES)
def test_a_broken_body_is_answered_as_it_is_described(gateway, operations, path):
    operation = operations[path, "post"]
    kind = FORM_TYPE if path in FORMS else "application/json"
    statuses = operation.definition.raw["responses"]

    @settings(fuzzing.SETTINGS, max_examples=20 * fuzzing.SETTINGS.max_examples)  # they cost next to nothing
    @given(
        mutations=st.lists(A_MUTATION, min_size=1, max_size=3),
        kind=st.sampled_from([kind, kind, "text/plain", ""]),
    )
    def send(mutations, kind):
        body = BODIES[path]
        for where, length, instead in mutations:
            at = int(where * len(body))
            body = body[:at] + instead + body[at + length :]
        response = http.post(
            path.replace("{model}", "freeai-fast"), content=body, headers={"Content-Type": kind}
        )

        assert str(response.status_code) in statuses and response.status_code != 500
        operation.validate_response(response)

    with plain.Client(
        base_url=gateway.url, headers={"Authorization": f"Bearer {gateway.client_key}"}, timeout=30
    ) as http:
        send()
