"""One connection that asks more than it reads, or says a body in next to nothing; many bodies that are held: a gateway at its defaults."""

import socket
import time
from contextlib import ExitStack, suppress

import pytest

from tests.e2e import plain
from tests.e2e.hostility import GROWTH_MIB, MIB, as_it_was, connect, resident, serving
from tests.e2e.server import Server

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
TINY = b"1\r\n \r\n" * 10_000

__all__ = ["as_it_was", "serving"]


def push(made: socket.socket, data: bytes, seconds: float) -> bool:
    """Send it over and over. Whether the server ends the connection within that time."""
    made.settimeout(0.3)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            made.send(data)
        except TimeoutError:
            pass
        except OSError:
            return True
    return False


def test_requests_whose_answers_nobody_reads(serving: Server):
    before = resident(serving)

    with connect(serving) as made:
        push(made, GET * 500, 6)

        assert resident(serving) < before + GROWTH_MIB


def test_requests_behind_one_another_are_answered(serving: Server):
    with connect(serving) as made:
        made.sendall(GET * 300)
        heard = b""
        while heard.count(b"HTTP/1.1 200 ") < 300:
            part = made.recv(65_536)
            assert part
            heard += part


@pytest.mark.parametrize(
    "path",
    [b"/livez", b"/v1/nope", b"/v1/chat/completions", b"/metrics", b"/api/auth/login", b"/admin/login/"],
)
def test_a_body_in_chunks_of_a_byte(serving: Server, path: bytes):
    with connect(serving) as made:
        made.sendall(CHUNKED % path)

        assert push(made, TINY, 10)


def test_half_a_body_and_then_nothing(serving: Server):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"

    with connect(serving) as made:
        made.sendall(head % (serving.client_key.encode(), 25 * MIB) + b"a" * (12 * MIB))
        made.settimeout(25)
        answer = made.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_many_large_bodies_at_once(serving: Server):
    body = b'{"model":"sandbox/stall","messages":[{"role":"user","content":"Hi"}],"x":"%s"}' % (
        b"a" * 20 * MIB
    )
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
    refused = 0

    with ExitStack() as held:
        for _ in range(10):
            made = held.enter_context(connect(serving))
            with suppress(OSError):
                made.sendall(head % (serving.client_key.encode(), len(body)) + body)
            made.settimeout(0.5)
            with suppress(OSError):
                refused += made.recv(65_536).startswith(b"HTTP/1.1 429 ")

    assert refused == 4  # half of 256 MiB is six of them


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 204), ("TRACE", 400), ("PATCH", 400)])
def test_requests_for_no_path(serving: Server, method: str, status: int):
    with connect(serving) as made:
        made.sendall(f"{method} * HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

        assert made.recv(65_536).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "target", ["//", "//a//b", "//example.com/admin", "{url}/livez", "{url}", "x:80", "x"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "TRACE", "OPTIONS"])
def test_odd_targets_are_no_fault_of_ours(serving: Server, method: str, target: str):
    asked = target.replace("{url}", serving.url)
    with connect(serving) as made:
        made.sendall(f"{method} {asked} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

        assert int(made.recv(65_536).split()[1]) < 500
    assert plain.get(f"{serving.url}/livez").status_code == 200
