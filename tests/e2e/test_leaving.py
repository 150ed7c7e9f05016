"""Clients on real sockets that leave mid-stream, two hundred at a time: nothing stays open, nothing is lost, memory is flat."""

import asyncio
from urllib.parse import urlsplit

import orjson
import psutil
import pytest

from fakes import FakeUpstream, Limits
from tests.e2e.server import Server, wait_until

CLIENTS = 200
ROUNDS = 4
GROWTH_PER_CLIENT = 12_000  # bytes that a round may leave behind for each client, allocator's slack included


@pytest.fixture
def streaming(serving: Server, upstream: FakeUpstream) -> Server:
    """Groq, pointed at a fake that streams for twenty seconds."""
    upstream.default_behaviour = "frames_1000_20"
    upstream.limit("groq", Limits(requests_per_day=10**6, tokens_per_minute=10**9))
    serving.api("PATCH", "providers/groq", json={"base_url": upstream.url("groq"), "limits": unlimited()})
    serving.api(
        "PATCH", "me/providers/groq", json={"api_key": "key-of-groq-0123456789", "limits": unlimited()}
    )
    return serving


def unlimited() -> dict:
    units = dict.fromkeys(("second", "minute", "hour", "day", "month"), 0)
    return {"requests": units, "tokens": units}


def test_two_hundred_clients_that_leave_mid_stream(streaming: Server, upstream: FakeUpstream):
    process = psutil.Process(streaming.process.pid)
    memory: list[int] = []

    for _ in range(ROUNDS):
        asyncio.run(everybody_leaves(streaming))
        wait_until(lambda: upstream.open_requests == 0)
        memory.append(process.memory_info().rss)

    wait_until(lambda: streaming.outcomes() == {"cancelled": CLIENTS * ROUNDS})
    growth = (memory[-1] - memory[1]) / (CLIENTS * (ROUNDS - 2))
    assert growth < GROWTH_PER_CLIENT, memory
    assert streaming.metric("freeai_requests_in_flight") <= 1  # the scrape itself


async def everybody_leaves(server: Server) -> None:
    """Read the first frames of each stream, then close the socket."""
    address = urlsplit(server.url)
    body = orjson.dumps({"stream": True, "messages": [{"role": "user", "content": "Hello"}]})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.client_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def one() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head.encode() + body)
        seen = b""
        while seen.count(b"data: ") < 3:
            part = await reader.read(4096)
            assert part, seen
            seen += part
        assert b" 200 " in seen.partition(b"\r\n")[0], seen
        writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(CLIENTS)))
