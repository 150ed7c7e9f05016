"""A gateway at its defaults, and what comes from the network before any key: each abuse gets its refusal, others are served meanwhile, and
afterwards the process is as large as it was."""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.e2e import plain
from tests.e2e.hostility import MIB, as_it_was, connect, serving
from tests.e2e.server import Server

__all__ = ["as_it_was", "serving"]

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"


def send(server: Server, *parts: bytes, times: int = 1) -> bytes:
    """What comes back of one connection, as far as the server takes it."""
    with connect(server) as made:
        with suppress(OSError):
            for part in parts[:-1]:
                made.sendall(part)
            for _ in range(times):
                made.sendall(parts[-1])
        with suppress(OSError):
            return made.recv(65_536)
    return b""


def is_refused(answer: bytes, status: int) -> bool:
    """With words, or by a closed connection where more was sent than was read."""
    return not answer or answer.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("part", [b"a" * MIB, b"a: b\r\n" * 100_000], ids=["one header", "many"])
def test_a_head_without_end(serving: Server, part: bytes):
    assert is_refused(send(serving, HEAD + b"x: ", part, times=300 * MIB // len(part)), 431)


@pytest.mark.parametrize("path", ["/api/clients", "/admin/login/", "/", "/nowhere"])
@pytest.mark.parametrize("kind", ["declared", "chunked"])
def test_a_large_body_of_nobody(serving: Server, path: str, kind: str):
    files_before = set(os.listdir(gettempdir()))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
    if kind == "declared":
        answer = send(serving, head + f"Content-Length: {200 * MIB}\r\n\r\n".encode(), b"a" * MIB, times=20)
    else:
        chunk = b"%x\r\n%s\r\n" % (MIB, b"a" * MIB)
        answer = send(serving, head + b"Transfer-Encoding: chunked\r\n\r\n", chunk, times=20)

    assert is_refused(answer, 413)
    assert not any(
        Path(gettempdir(), name).is_file() for name in set(os.listdir(gettempdir())) - files_before
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"messages":[%s{}]}' % (b"{}," * 850_000), 413),
        (b'"' * 25 * MIB, 400),
        (b'{"messages":[{"role":"user","content":"%s"}],"model":"sandbox/ok"}' % (b"a" * 25 * MIB), 400),
    ],
    ids=["tiny messages", "quotes", "one text"],
)
def test_a_large_body_of_a_client(serving: Server, body: bytes, status: int):
    head = HEAD + b"Authorization: Bearer %s\r\n" % serving.client_key.encode()

    for _ in range(3):
        answer = send(serving, head + b"Content-Length: %d\r\n\r\n" % len(body), body)

        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:500]


def test_streams_that_are_not_read(serving: Server):
    body = b'{"model":"sandbox/ok","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    head = HEAD + b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
    unread = [connect(serving) for _ in range(50)]
    try:
        for each in unread:
            each.sendall(head % (serving.client_key.encode(), len(body)) + body)
        assert serving.chat(model="sandbox/ok").status_code == 200
    finally:
        for each in unread:
            each.close()


@pytest.mark.parametrize("path", ["/v1/models", "/api/clients", "/api/auth/me"])
def test_parameters_without_end(serving: Server, path: str):
    query = "&".join(f"a{number}=1" for number in range(2_000))
    headers = {"X-Admin-Token": serving.admin_token}

    answer = plain.get(f"{serving.url}{path}?{query}", headers=headers)

    assert answer.status_code < 500
    assert answer.headers["content-type"].startswith("application/json")


def test_a_thousand_silent_connections(serving: Server):
    silent = []
    with suppress(OSError):
        for number in range(1_000):
            silent.append(connect(serving))
            silent[-1].sendall((b"", b"GET", HEAD)[number % 3])
    try:
        assert serving.chat(model="sandbox/ok").status_code == 200
        assert is_over(silent[-1], 25)
    finally:
        for one in silent:
            one.close()


def is_over(connection: socket.socket, seconds: float) -> bool:
    """Whether the server ends it in time."""
    connection.settimeout(seconds)
    until = time.monotonic() + seconds
    with suppress(OSError):
        while time.monotonic() < until:
            if connection.recv(65_536) == b"":
                return True
        return False
    return False
