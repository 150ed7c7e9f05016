"""An upstream on loopback whose every byte a test decides: bodies without an end, silence, comments."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import orjson

Step = bytes | float | Literal["close", "hold"]
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
COMMENT = b": PROCESSING\n\n"


def chunk(data: bytes) -> bytes:
    """`data` in HTTP's chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def text(words: str) -> bytes:
    """One frame of OpenAI's with this text."""
    return (
        b"data: "
        + orjson.dumps({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": words}}]})
        + b"\n\n"
    )


def frames(*payloads: Any) -> bytes:
    return b"".join(b"data: " + orjson.dumps(payload) + b"\n\n" for payload in payloads)


def streamed(*data: bytes) -> tuple[Step, ...]:
    """A stream in one chunk each, properly ended."""
    return (EVENTS, *map(chunk, data), END)


def answered(payload: Any, status: bytes = b"200 OK") -> tuple[Step, ...]:
    """A whole answer; bytes as they are."""
    body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    head = b"HTTP/1.1 " + status + b"\r\ncontent-type: application/json\r\ncontent-length: "
    return (head + str(len(body)).encode() + b"\r\n\r\n" + body,)


class Scripted:
    """Plays `steps` for every request: bytes are sent, numbers are seconds to wait, "close" ends the connection, "hold" keeps it open
    and silent. A connection whose steps are over waits for its next request."""

    def __init__(self) -> None:
        self.steps: Sequence[Step] = ()
        self.connections = 0
        self.open = 0
        self.requests: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                self.requests.append(await reader.readexactly(int(length[1])) if length else b"")
                if not await self._play(reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in tuple(self.steps):
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                case "close":
                    return False
                case "hold":
                    await reader.read(1)
                    return False
                case seconds:
                    await asyncio.sleep(float(seconds))
        return True


@asynccontextmanager
async def scripted_upstream() -> AsyncIterator[Scripted]:
    made = Scripted()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield made
    server.close()
