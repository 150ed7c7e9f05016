"""Drives the ASGI application in the test's own event loop, without a socket: whole answers, streams frame by frame, clients that leave."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from apps.gateway.edge.asgi import LeanHandler


@dataclass(slots=True)
class Answer:
    """What the client got."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The data frames of a stream, decoded; "[DONE]" as it is; comments left out."""
        payloads = [
            frame.removeprefix(b"data: ") for frame in self.body.split(b"\n\n") if frame.startswith(b"data: ")
        ]
        return [payload.decode() if payload == b"[DONE]" else orjson.loads(payload) for payload in payloads]

    @property
    def text(self) -> str:
        """The streamed text of choice 0."""
        frames = [event for event in self.events if isinstance(event, dict) and event.get("choices")]
        return "".join(frame["choices"][0]["delta"].get("content") or "" for frame in frames)


@dataclass(slots=True)
class Exchange:
    """One request under way."""

    task: "asyncio.Task[None]"
    incoming: "asyncio.Queue[dict[str, Any]]"
    outgoing: "asyncio.Queue[dict[str, Any]]"
    answer: Answer = field(default_factory=lambda: Answer(0, {}))

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it is sent."""
        while True:
            message = await self._next()
            if message["type"] == "http.response.start":
                self.answer.status = message["status"]
                self.answer.headers = {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
                }
                continue
            part = message.get("body", b"")
            self.answer.body += part
            if part:
                yield part
            if not message.get("more_body", False):
                return

    async def _next(self) -> dict[str, Any]:
        getter = asyncio.ensure_future(self.outgoing.get())
        await asyncio.wait([getter, self.task], return_when=asyncio.FIRST_COMPLETED)
        if getter.done():
            return getter.result()
        getter.cancel()
        if not self.outgoing.empty():
            return self.outgoing.get_nowait()
        self.task.result()
        raise AssertionError("the application ended without an answer")

    async def leave(self) -> None:
        """Close the connection as a client that goes away, and wait for the application to notice."""
        await self.incoming.put({"type": "http.disconnect"})
        await asyncio.wait([self.task], timeout=20)
        assert self.task.done(), "the application did not notice that the client left"


class Client:
    """A client of the lean handler. `key` goes into the Authorization header of every request."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self._handler = LeanHandler()

    async def aclose(self) -> None:
        """Nothing is left of it."""

    def begin(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        room: int = 0,
    ) -> Exchange:
        """Start a request. `room`: how many messages are sent before the client reads any; 0 for any number."""
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue(room)
        incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        sent = {"content-type": "application/json", "content-length": str(len(body))}
        if self.key:
            sent["authorization"] = f"Bearer {self.key}"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        route, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(route),
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        task = asyncio.create_task(self._handler(scope, incoming.get, outgoing.put))
        return Exchange(task, incoming, outgoing)

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A whole request."""
        exchange = self.begin(method, path, body, headers)
        async for _ in exchange.parts():
            pass
        await exchange.task
        return exchange.answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, headers=headers)

    async def chat(self, **fields: Any) -> Answer:
        """POST /v1/chat/completions with these fields; a one-line conversation unless `messages` is given."""
        return await self.request("POST", "/v1/chat/completions", chat_body(**fields))

    def begin_chat(self, *, room: int = 0, **fields: Any) -> Exchange:
        return self.begin("POST", "/v1/chat/completions", chat_body(**fields), room=room)


def chat_body(**fields: Any) -> bytes:
    """A chat request with a one-line conversation unless `messages` is given."""
    return orjson.dumps({"messages": [{"role": "user", "content": "Hello"}], **fields})
