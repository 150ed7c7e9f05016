"""What chat is attacked with, on every other surface and endpoint of a gateway at its defaults: each refuses it in its own shape, others
are served meanwhile, and afterwards the process is as large as it was."""

from typing import Any

import httpx
import pytest

from tests.e2e import plain
from tests.e2e.hostility import MIB, as_it_was, connect, serving
from tests.e2e.server import Server

__all__ = ["as_it_was", "serving"]

MODEL = "/models/sandbox/ok"
POSTS = (
    *(
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/responses/input_tokens",
        "/v1/messages",
    ),
    *("/v1/messages/count_tokens", "/v1/embeddings", "/v1/rerank", "/v1/moderations", "/v1/audio/speech"),
    *(f"/v1beta{MODEL}:{method}" for method in ("generateContent", "streamGenerateContent", "countTokens")),
    *(f"/v1beta{MODEL}:{method}" for method in ("embedContent", "batchEmbedContents")),
    *(f"/ollama/api/{way}" for way in ("chat", "generate", "embed", "embeddings", "show")),
    "/v1/images/generations",
)
FORMS = ("/v1/images/edits", "/v1/audio/transcriptions")
FIELDS = ("messages", "input", "contents", "prompt", "documents", "requests")
BODIES = {
    "tiny values": b'{"model":"sandbox/ok",%s"x":[%s1]}'
    % (b"".join(b'"%s":[{}],' % field.encode() for field in FIELDS), b"{}," * 850_000),
    "quotes": b'"' * 25 * MIB,
    "depth": b'{"model":"sandbox/ok","messages":%s%s}' % (b"[" * MIB, b"]" * MIB),
    "a number": b'{"model":"sandbox/ok","max_tokens":%s}' % (b"9" * MIB),
    "no object": b"[" + b"1," * 90_000 + b"1]",
    "no UTF-8": b'{"model":"sandbox/ok","messages":"%s"}' % (b"\xff" * MIB),
}
STREAMS: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": "Hi", "stream": True},
    "/v1/responses": {"input": "Hi", "stream": True},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9, "stream": True},
    f"/v1beta{MODEL}:streamGenerateContent": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    "/ollama/api/chat": {"messages": [{"role": "user", "content": "Hi"}]},
    "/ollama/api/generate": {"prompt": "Hi"},
}


def post(server: Server, path: str, body: bytes, kind: str = "application/json") -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.client_key}", "Content-Type": kind}
    return plain.post(f"{server.url}{path}", content=body, headers=headers, timeout=60)


@pytest.mark.parametrize("path", POSTS)
def test_a_hostile_body(serving: Server, path: str):
    for name, body in BODIES.items():
        answer = post(serving, path, body)

        assert answer.status_code in (400, 413), (name, answer.status_code, answer.text[:300])
        assert "error" in answer.json(), name
        assert len(answer.content) < 2_000, name


@pytest.mark.parametrize("path", FORMS)
def test_a_hostile_form(serving: Server, path: str):
    kind = "multipart/form-data; boundary=b"
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\n\r\n%s\r\n--b--\r\n'
    bodies = {
        "many parts": part % b"a" * 300_000 + b"--b--\r\n",
        "a name without end": part % (b"n" * 20 * MIB) + b"--b--\r\n",
        "headers without end": b"--b\r\n" + b"X: y\r\n" * 3_000_000,
        "no end": b"--b\r\n" + b"a" * 20 * MIB,
        "boundaries": b"\r\n--b" * 4_000_000,
        "no file": file % (b"file", b""),
        "noise": file % (b"image", b"\x00" * 20 * MIB),
    }
    for name, body in bodies.items():
        answer = post(serving, path, body, kind)

        assert answer.status_code in (400, 413), (name, answer.status_code, answer.text[:300])
        assert "error" in answer.json(), name
        assert len(answer.content) < 2_000, name


@pytest.mark.parametrize("path", STREAMS)
def test_streams_that_are_not_read(serving: Server, path: str):
    body = httpx.Request("POST", serving.url, json={"model": "sandbox/ok", **STREAMS[path]}).content
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {serving.client_key}\r\n"
    sent = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    unread = [connect(serving) for _ in range(20)]
    try:
        for each in unread:
            each.sendall(sent)
        assert unread[0].recv(20).startswith(b"HTTP/1.1 200 ")
        assert serving.chat(model="sandbox/ok").status_code == 200
    finally:
        for each in unread:
            each.close()
