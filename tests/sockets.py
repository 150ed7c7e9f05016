"""The client of `tests.asgi` over a real socket: the same tests drive the protocol, with what it answers `/v1` by itself."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httptools
import uvicorn
from uvicorn.server import ServerState

from apps.gateway.edge import asgi
from apps.gateway.edge.cycle import Cycle
from apps.gateway.edge.protocol import Protocol
from tests.asgi import Client, Exchange

LEFT_S = 20.0


class SocketClient(Client):
    """Each request on a connection of its own. `aclose` ends the server."""

    def __init__(self, key: str = "") -> None:
        super().__init__(key)
        self._config = uvicorn.Config(
            self._handler, ws="none", lifespan="off", log_config=None, log_level="error", proxy_headers=False
        )
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._starting = asyncio.Lock()

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            connections: set[Any] = {*self._state.connections}
            for connection in connections:
                connection.shutdown()

    def begin(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        room: int = 0,
    ) -> Exchange:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue(room)
        sent = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body))}
        if self.key:
            sent["authorization"] = f"Bearer {self.key}"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        if not sent["content-length"]:  # as who does not know it
            sent["transfer-encoding"], body = "chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            del sent["content-length"]
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        request = "\r\n".join(lines).encode("latin-1") + body
        task = asyncio.create_task(self._exchange(request, incoming, outgoing))
        return Exchange(task, incoming, outgoing)

    async def _exchange(self, request: bytes, incoming: Any, outgoing: Any) -> None:
        """Until the answer is whole, or the client leaves and that was noticed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", await self._port())
        writer.write(request)
        answer = asyncio.create_task(_read(reader, outgoing))
        leaving = asyncio.create_task(incoming.get())
        await asyncio.wait([answer, leaving], return_when=asyncio.FIRST_COMPLETED)
        cycle = self._cycle_of(writer.get_extra_info("sockname"))
        writer.close()
        leaving.cancel()
        if not answer.done():
            answer.cancel()
        elif not answer.cancelled():
            answer.result()
        async with asyncio.timeout(LEFT_S):
            while cycle is not None and cycle._guard is not None:  # noqa: ASYNC110 - the other side is a server
                await asyncio.sleep(0.005)

    async def _port(self) -> int:
        async with self._starting:
            if self._server is None:
                loop = asyncio.get_running_loop()
                self._server = await loop.create_server(
                    lambda: Protocol(self._config, self._state, {}, serve=asgi.serve), "127.0.0.1", 0
                )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def _cycle_of(self, address: tuple[str, int]) -> Cycle | None:
        connections: set[Any] = {*self._state.connections}
        for connection in connections:
            if connection.client == address and isinstance(connection._running, Cycle):
                return connection._running
        return None


class _Answer:
    """What httptools tells of one, as ASGI's messages."""

    def __init__(self, outgoing: Any) -> None:
        self._outgoing = outgoing
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self.told: list[dict[str, Any]] = []
        self.is_whole = False

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self.told.append({"type": "http.response.start", "status": status, "headers": self._headers})

    def on_body(self, body: bytes) -> None:
        self.told.append({"type": "http.response.body", "body": body, "more_body": True})

    def on_message_complete(self) -> None:
        self.told.append({"type": "http.response.body", "body": b""})
        self.is_whole = True


async def _read(reader: asyncio.StreamReader, outgoing: Any) -> None:
    answer = _Answer(outgoing)
    while not answer.is_whole:
        data = await reader.read(65536)
        if not data:
            return
        answer.feed(data)
        for message in answer.told:
            await outgoing.put(message)
        answer.told.clear()
