"""An upstream on loopback that answers every call with one page: any status, any body, cut short or whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

NO_BODY = frozenset({204, 304})


@dataclass
class Pages:
    """`status`, `headers` and `body` may change between calls; `cut`: the body ends before the length that was promised, and with `stays`
    the connection does not end. `calls` holds the request lines."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    stays: bool = False
    calls: list[str] = field(default_factory=list)

    def answer(self, status: int, body: bytes = b"", **changes: object) -> None:
        """What the next calls get."""
        self.status, self.body, self.headers, self.kind = status, body, {}, "application/json"
        self.cut = self.stays = False
        for name, value in changes.items():
            setattr(self, name, value)

    def _raw(self) -> bytes:
        length = len(self.body) + (10 if self.cut else 0)
        lines = [f"HTTP/1.1 {self.status} Whatever", f"content-type: {self.kind}", "connection: close"]
        if self.status not in NO_BODY:
            lines.append(f"content-length: {length}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [int(after) for name, after in pairwise(head.split()) if name.lower() == b"content-length:"]
        await reader.readexactly(lengths[0] if lengths else 0)
        self.calls.append(head.split(b"\r\n")[0].decode())
        writer.write(self._raw())
        await writer.drain()
        if self.stays:
            await reader.read()
        writer.close()


@asynccontextmanager
async def pages() -> AsyncIterator[Pages]:
    made = Pages()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield made
