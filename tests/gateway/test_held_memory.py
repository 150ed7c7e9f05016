"""What a request holds in memory while a slow upstream answers it: what it was sent as, and not what that comes to when it is decoded;
twice that as long as the upstream has said nothing, since the call may have to be sent again."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from tests.asgi import Exchange
from tests.gateway.conftest import Gateway, until

MIB = 1024 * 1024
AT_ONCE = 3
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FRAME = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
LARGE = 2 * MIB
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


async def held(gateway: Gateway, sink: Sink, sent: bytes) -> tuple[float, float]:
    """What a waiting request holds: blocks that are as large as it, and the rest, for each byte of it."""

    def begin() -> Exchange:
        return gateway.client.begin("POST", "/v1/chat/completions", sent)

    waiting = [begin()]  # what is made once
    await until(lambda: sink.taken == 1, 200)
    tracemalloc.start()
    try:
        waiting += [begin() for _ in range(AT_ONCE)]
        await until(lambda: sink.taken == 1 + AT_ONCE, 200)
        if sink.said:
            await until(lambda: not any(exchange.outgoing.empty() for exchange in waiting), 200)
        for _ in range(50):  # what is done with the last piece
            await asyncio.sleep(0)
        gc.collect()
        sizes = [trace.size for trace in tracemalloc.take_snapshot().traces]
    finally:
        tracemalloc.stop()
    for exchange in waiting:
        await exchange.leave()
    blocks = [size for size in sizes if size > len(sent) // 2]
    return len(blocks) / AT_ONCE, (sum(sizes) - sum(blocks)) / AT_ONCE / len(sent)


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(
    ("said", "copies"), [(b"", 2), (HEAD + b"%x\r\n%s\r\n" % (len(FRAME), FRAME), 1)], ids=["silent", "begun"]
)
async def test_of_a_large_request(gateway: Gateway, sink, history: str, said: bytes, copies: int):
    upstream, url = await sink(said)
    gateway.add("vllm", "ok", base_url=url, context_window=100_000_000)
    sent = orjson.dumps({"model": "vllm/ok", "messages": HISTORIES[history], "stream": True})

    blocks, rest = await held(gateway, upstream, sent)

    assert blocks <= copies
    assert rest < 0.5


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
