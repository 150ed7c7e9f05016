"""What is large is not handled in the event loop, on no surface, wire or task: counted in bytes and steps, not in seconds."""

import sys
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import orjson
import pytest
from aiohttp import web

from apps.core import aside
from apps.core.json_types import JSONObject
from tests.gateway.conftest import Gateway
from tests.providers.probed import running

SIZE = 512 * 1024
MOST_BYTES = 2 * aside.LARGE_BYTES
"""That anything in the loop may be called with: what is no larger than LARGE_BYTES grows by escapes and translation."""
MOST_CALLS = 20_000
"""From one turn of the loop to the next. A body of MANY messages takes each step that looks at every one beyond that."""
MANY = 8_000
CHEAP = frozenset({"startswith", "endswith", "isascii", "append", "write", "send", "join"})
"""What does no work on what it is called on, or copies it as it is: no more than the reading and writing of a socket do."""

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * SIZE
IMAGE = b64encode(PNG).decode()
URI = f"data:image/png;base64,{IMAGE}"
TEXT = "Ein Wort, я and one more. " * (SIZE // 26)
SCHEMA = {
    "type": "object",
    "properties": {f"p{n}": {"type": "string", "description": "x" * 900} for n in range(600)},
}
TURNS = ("user", "assistant")


def messages(case: str) -> list[JSONObject]:
    """In OpenAI's shape."""
    match case:
        case "text":
            return [{"role": "user", "content": TEXT}]
        case "many":
            return [{"role": TURNS[n % 2], "content": "Hi"} for n in range(MANY)]
        case "image":
            return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URI}}]}]
        case "many images":
            part = {"type": "image_url", "image_url": {"url": URI[:200]}}
            return [{"role": "user", "content": [part] * MANY}]
    return [{"role": "user", "content": "Hi"}]


def chat(case: str) -> tuple[str, JSONObject]:
    tools = (
        [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}] if case == "tools" else None
    )
    return "/v1/chat/completions", {"messages": messages(case), **({"tools": tools} if tools else {})}


def responses(case: str) -> tuple[str, JSONObject]:
    body: JSONObject = {"input": messages(case)}
    if case == "image":
        body = {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URI}]}]}
    if case == "many images":
        part = {"type": "input_image", "image_url": URI[:200]}
        body = {"input": [{"role": "user", "content": [part] * MANY}]}
    if case == "tools":
        body["tools"] = [{"type": "function", "name": "f", "parameters": SCHEMA}]
    if case == "text":
        body = {"input": "Hi", "instructions": TEXT}
    return "/v1/responses", body


def anthropic(case: str) -> tuple[str, JSONObject]:
    body: JSONObject = {"messages": messages(case), "max_tokens": 9}
    source = {"type": "base64", "media_type": "image/png", "data": IMAGE}
    if case == "image":
        body["messages"] = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    if case == "many images":
        part = {"type": "image", "source": source | {"data": IMAGE[:200]}}
        body["messages"] = [{"role": "user", "content": [part] * MANY}]
    if case == "tools":
        body["tools"] = [{"name": "f", "input_schema": SCHEMA}]
    return "/v1/messages", body


def gemini(case: str) -> tuple[str, JSONObject]:
    parts: list[JSONObject] = [{"text": TEXT if case == "text" else "Hi"}]
    if case.endswith("image"):
        parts = [{"inlineData": {"mimeType": "image/png", "data": IMAGE}}]
    if case == "many images":
        parts = [{"inlineData": {"mimeType": "image/png", "data": IMAGE[:200]}}] * MANY
    many = [{"role": ("user", "model")[n % 2], "parts": parts} for n in range(MANY if case == "many" else 1)]
    body: JSONObject = {"contents": many}
    if case == "tools":
        body["tools"] = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
    return "/v1beta/models/{model}:generateContent", body


def ollama(case: str) -> tuple[str, JSONObject]:
    body: JSONObject = {"messages": messages(case), "stream": False}
    if case in ("image", "many images"):
        images = [IMAGE] if case == "image" else [IMAGE[:200]] * MANY
        body["messages"] = [{"role": "user", "content": "Hi", "images": images}]
    if case == "tools":
        body["tools"] = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    return "/ollama/api/chat", body


SURFACES = {"chat": chat, "responses": responses, "messages": anthropic, "gemini": gemini, "ollama": ollama}
CASES = ("text", "many", "image", "many images", "tools")
WIRES = {"groq": "groq", "gemini": "gemini", "cohere": "cohere", "mistral": "mistral"}


class Upstream:
    """Answers everything, and reads it as bytes: in a thread, so that what it does is not the gateway's."""

    large = False

    async def __aenter__(self) -> str:
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def __aexit__(self, *error: object) -> None:
        await self.runner.cleanup()

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=orjson.dumps(answer_to(request.path)), content_type="application/json")


def answer_to(path: str) -> JSONObject:
    if path.endswith("embeddings"):
        return {"data": [{"index": n, "embedding": [0.123456] * 1000} for n in range(100)]}
    if path.endswith("rerank"):
        return {"results": [{"index": n, "relevance_score": 0.5} for n in range(600)]}
    if "images" in path:
        return {"created": 1, "data": [{"b64_json": IMAGE}]}
    if path.endswith("transcriptions"):
        return {"text": "Hi"}
    if path.endswith("moderations"):
        return {
            "results": [{"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.1}}]
        }
    if "gemini" in path:
        return {
            "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]
        }
    if "cohere" in path:
        return {
            "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
            "finish_reason": "COMPLETE",
        }
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]
    }


class Seen:
    """What the loop's thread did: the largest thing that something was called with, and the most calls of one turn."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.largest = (0, "")
        self.calls = (0, "")
        self._turn = 0
        self._loop = threading.get_ident()
        for name in ("loads", "dumps"):
            patch.setattr(orjson, name, self._spied(getattr(orjson, name), f"orjson.{name}"))

    def _spied(self, made: Any, name: str) -> Any:
        def call(value: Any, *args: Any, **kwargs: Any) -> Any:
            result = made(value, *args, **kwargs)
            if threading.get_ident() == self._loop:
                self._note(max(_size(value), _size(result)), name)
            return result

        return call

    def _note(self, size: int, name: str) -> None:
        self.largest = max(self.largest, (size, name))

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if (
            event == "call"
            and frame.f_code.co_name == "_run"
            and frame.f_code.co_filename.endswith("events.py")
        ):
            self._turn = 0
        if event in ("call", "c_call"):
            self._turn += 1
            self.calls = max(self.calls, (self._turn, f"{frame.f_code.co_filename}:{frame.f_lineno}"))
        if event == "c_call" and getattr(arg, "__name__", "") not in CHEAP:
            self._note(
                _size(getattr(arg, "__self__", None)),
                f"{arg.__qualname__} at {frame.f_code.co_filename}:{frame.f_lineno}",
            )

    @contextmanager
    def looking(self) -> Iterator[None]:
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | bytearray) else 0


@asynccontextmanager
async def served(gateway: Gateway, task: str = "chat") -> AsyncIterator[None]:
    with running(Upstream) as url:
        for name, family in WIRES.items():
            gateway.add(
                name,
                "ok",
                family=family,
                task=task,
                base_url=f"{url}/{name}/v1",
                context_window=100_000_000,
                capabilities={"tools", "vision", "files", "json_object", "json_schema"},
            )
        gateway.add(
            "sandbox",
            "ok",
            family="openai",
            base_url="sandbox://local/v1",
            context_window=100_000_000,
            capabilities={"tools", "vision"},
        )
        await gateway.client.request(
            "POST", "/v1/chat/completions", b'{"messages":[{"role":"user","content":"Hi"}]}'
        )
        yield


WAYS = [
    *((surface, "groq") for surface in SURFACES),
    *(("chat", wire) for wire in ("gemini", "cohere", "sandbox")),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("surface", "wire"), WAYS)
async def test_no_large_chat_is_handled_in_the_loop(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, surface: str, case: str, wire: str
):
    path, body = SURFACES[surface](case)
    model = f"{wire}/ok"
    if "{model}" not in path:
        body["model"] = model
    sent = orjson.dumps(body)
    async with served(gateway):
        seen = Seen(monkeypatch)
        with seen.looking():
            answer = await gateway.client.request("POST", path.format(model=model), sent)

    assert len(sent) > MOST_BYTES
    assert answer.status == 200, answer.body[:300]
    assert seen.largest[0] <= MOST_BYTES, seen.largest
    assert seen.calls[0] <= MOST_CALLS, seen.calls
