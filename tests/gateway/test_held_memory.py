"""What a request holds in memory while a slow upstream answers it: what it was sent as, and not what that comes to when it is decoded;
twice that as long as the upstream has said nothing, since the call may have to be sent again."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import psutil
import pytest

from tests.asgi import Exchange
from tests.gateway.conftest import Gateway

MIB = 1024 * 1024
AT_ONCE = 6
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FRAME = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
LARGE = 3 * MIB
HISTORIES: dict[str, list[dict[str, Any]]] = {
    "one text": [{"role": "user", "content": "a" * LARGE}],
    "one of other letters": [{"role": "user", "content": "語" * (LARGE // 3)}],
    "many messages": [{"role": "user", "content": "a" * 170}] * (LARGE // 204),
}


class Sink:
    """An upstream that takes whole requests, keeps nothing of them, and says no more than `said`."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.taken = 0
        self._open: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        while length:
            length -= len(await reader.read(min(length, 65_536)))
        writer.write(self.said)
        self.taken += 1

    def close(self) -> None:
        for writer in self._open:
            writer.close()


@pytest.fixture
async def sink() -> AsyncIterator[Callable[[bytes], Any]]:
    made: list[tuple[Sink, asyncio.Server]] = []

    async def start(said: bytes) -> tuple[Sink, str]:
        sink = Sink(said)
        server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
        made.append((sink, server))
        return sink, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

    yield start
    for sink, server in made:
        sink.close()
        server.close()


async def held(gateway: Gateway, sink: Sink, sent: bytes) -> float:
    """Resident bytes of a waiting request, for each that was sent."""

    def begin() -> Exchange:
        return gateway.client.begin("POST", "/v1/chat/completions", sent)

    waiting = [begin(), begin()]  # what is made once
    await until_taken(sink, len(waiting))
    before = resident()
    waiting += [begin() for _ in range(AT_ONCE)]
    await until_taken(sink, len(waiting))
    await asyncio.sleep(0.1)
    size = resident() - before
    for exchange in waiting:
        await exchange.leave()
    return size / AT_ONCE / len(sent)


def resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def until_taken(sink: Sink, count: int) -> None:
    async with asyncio.timeout(60):
        while sink.taken < count:  # noqa: ASYNC110 - the other side is a socket
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(
    ("said", "most"),
    [(b"", 2.8), (HEAD + b"%x\r\n%s\r\n" % (len(FRAME), FRAME), 1.5)],
    ids=["silent", "begun"],
)
async def test_of_a_large_request(gateway: Gateway, sink, history: str, said: bytes, most: float):
    upstream, url = await sink(said)
    gateway.add("vllm", "ok", base_url=url, context_window=100_000_000)
    sent = orjson.dumps({"model": "vllm/ok", "messages": HISTORIES[history], "stream": True})

    share = await held(gateway, upstream, sent)
    assert share < most


@pytest.mark.parametrize("stream", [False, True])
async def test_another_candidate_is_asked_the_same(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500", max_retries=1, context_window=100_000_000)
    gateway.add("gemini", "ok", context_window=100_000_000)
    history = [{"role": "user", "content": f"{'語a' * 300_000} {number}"} for number in range(3)]

    answer = await gateway.client.chat(messages=history, stream=stream)

    assert answer.status == 200
    *failed, served = gateway.fake.journal
    assert [each.body["messages"] for each in failed] == [history] * 2
    said = str(served.body["contents"])
    assert all(message["content"] in said for message in history)
    assert all(int(each.headers["content-length"]) > 3 * MIB for each in gateway.fake.journal)
