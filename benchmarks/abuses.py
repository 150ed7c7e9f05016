"""What a hostile client does, over and over, until it is told to end. Each runs in a process of its own (`benchmarks.abuse`)."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

MIB: Final = 1024 * 1024
PAUSE_S: Final = 0.01
TIMEOUT_S: Final = 20.0
SILENT: Final = 1_000
UNREAD: Final = 100
HALVES: Final = 30
TINY: Final = 850_000
LARGEST: Final = 26 * MIB
CHAT: Final = "/v1/chat/completions"


class Victim(NamedTuple):
    """The gateway, and a client key of it."""

    port: int
    key: str

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)

    def head(self, path: str, length: int | None, kind: str = "application/json") -> bytes:
        """Of a POST with the key; `length` None: in chunks."""
        size = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
        lines = (f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.key}", size)
        return "\r\n".join([*lines, f"Content-Type: {kind}", "", ""]).encode()


Abuse = Callable[[Victim], Iterator[None]]
"""A generator: one act a step. What it opened is closed with it."""


def _say(victim: Victim, *parts: bytes, times: int = 1) -> None:
    """All of it, as far as it is taken, and hear the beginning of what comes back."""
    with suppress(OSError), victim.connect() as made:
        with suppress(OSError):
            for part in parts[:-1]:
                made.sendall(part)
            for _ in range(times):
                made.sendall(parts[-1])
        made.recv(65_536)


def endless_head(victim: Victim) -> Iterator[None]:
    while True:
        _say(victim, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nx: ", b"a" * MIB, times=30)
        yield


def many_headers(victim: Victim) -> Iterator[None]:
    while True:
        _say(victim, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n" * 100_000, times=10)
        yield


def body_of_nobody(victim: Victim) -> Iterator[None]:
    chunk = b"%x\r\n%s\r\n" % (MIB, b"a" * MIB)
    while True:
        _say(victim._replace(key="x"), victim.head("/api/clients", None), chunk, times=20)
        yield


def tiny_messages(victim: Victim) -> Iterator[None]:
    body = b'{"messages":[%s{}]}' % (b"{}," * TINY)
    while True:
        _say(victim, victim.head(CHAT, len(body)), body)
        yield


def quotes(victim: Victim) -> Iterator[None]:
    body = b'"' * (LARGEST - 1024)
    while True:
        _say(victim, victim.head(CHAT, len(body)), body)
        yield


def largest_body(victim: Victim) -> Iterator[None]:
    body = b'{"model":"sandbox/ok","messages":[{"role":"user","content":"%s"}]}' % (b"a" * (LARGEST - 1024))
    while True:
        _say(victim, victim.head(CHAT, len(body)), body)
        yield


def largest_images(victim: Victim) -> Iterator[None]:
    """On one surface of chat after the other: what is translated, encoded and sent, and not refused for its length."""
    data = b"iVBORw0KGgo" + b"A" * (LARGEST - 4096 - 11)
    uri = b"data:image/png;base64," + data
    bodies = (
        (
            CHAT,
            b'"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"%s"}}]}]' % uri,
        ),
        (
            "/v1/responses",
            b'"input":[{"role":"user","content":[{"type":"input_image","image_url":"%s"}]}]' % uri,
        ),
        (
            "/v1/messages",
            b'"max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64",'
            b'"media_type":"image/png","data":"%s"}}]}]' % data,
        ),
        (
            "/v1beta/models/sandbox/ok:generateContent",
            b'"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"%s"}}]}]'
            % data,
        ),
        ("/ollama/api/chat", b'"messages":[{"role":"user","content":"Hi","images":["%s"]}]' % data),
    )
    while True:
        for path, members in bodies:
            body = b'{"model":"sandbox/ok",%s}' % members
            _say(victim, victim.head(path, len(body)), body)
            yield


def many_messages(victim: Victim) -> Iterator[None]:
    turns = (
        b'{"role":"user","content":"%s"},{"role":"assistant","content":"%s"},' % (b"a" * 1_600, b"b" * 1_600)
    ) * 8_000
    body = b'{"model":"sandbox/ok","messages":[%s{"role":"user","content":"Hi"}]}' % turns
    other = body.replace(b'"messages"', b'"input"', 1)
    while True:
        _say(victim, victim.head("/v1/responses", len(other)), other)
        _say(victim, victim.head(CHAT, len(body)), body)
        yield


def silent_connections(victim: Victim) -> Iterator[None]:
    made: list[socket.socket] = []
    try:
        for number in range(SILENT):
            made.append(victim.connect())
            made[-1].sendall((b"", b"GET", b"GET / HTTP/1.1\r\n")[number % 3])
        while True:
            yield
    finally:
        for each in made:
            each.close()


def unread_streams(victim: Victim) -> Iterator[None]:
    body = b'{"model":"sandbox/ok","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    made: list[socket.socket] = []
    try:
        while True:
            if len(made) < UNREAD:
                made.append(victim.connect())
                made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                made[-1].sendall(victim.head(CHAT, len(body)) + body)
            yield
    finally:
        for each in made:
            each.close()


def unread_pipeline(victim: Victim) -> Iterator[None]:
    """Requests without a key behind one another, on one connection, of whose answers none is read."""
    with victim.connect() as made:
        yield from _pushing(made, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 500)


def tiny_chunks(victim: Victim) -> Iterator[None]:
    while True:
        with victim.connect() as made:
            made.sendall(victim._replace(key="x").head(CHAT, None))
            yield from _pushing(made, b"1\r\n \r\n" * 10_000)


def half_bodies(victim: Victim) -> Iterator[None]:
    """And then nothing, until there is no room for more."""
    made: list[socket.socket] = []
    try:
        while True:
            if len(made) < HALVES:
                made.append(victim.connect())
                with suppress(OSError):
                    made[-1].sendall(victim.head(CHAT, LARGEST) + b"a" * (LARGEST // 2))
            yield
    finally:
        for each in made:
            each.close()


def _pushing(made: socket.socket, data: bytes) -> Iterator[None]:
    """Until the other side ends it."""
    made.settimeout(PAUSE_S)
    while True:
        try:
            made.send(data)
        except TimeoutError:
            pass
        except OSError:
            return
        yield


def scrapes(victim: Victim) -> Iterator[None]:
    yield from _asking(victim, "GET", "/metrics", b"", {})


def log_ins(victim: Victim) -> Iterator[None]:
    """Of names that nobody has: each costs a hash until the address is closed."""
    body = b'{"username":"nobody","password":"wrong"}'
    yield from _asking(victim, "POST", "/api/auth/login", body, {"Content-Type": "application/json"})


def _asking(
    victim: Victim, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> Iterator[None]:
    made = http.client.HTTPConnection("127.0.0.1", victim.port, timeout=TIMEOUT_S)
    try:
        while True:
            made.request(method, path, body, dict(headers))
            made.getresponse().read()
            yield
    finally:
        made.close()


ABUSES: Final[Mapping[str, Abuse]] = {
    "a head without end, 30 MiB": endless_head,
    "100,000 headers, ten times": many_headers,
    "20 MiB of a body without a key": body_of_nobody,
    "850,000 tiny messages": tiny_messages,
    "26 MiB of quotes": quotes,
    "26 MiB of one text": largest_body,
    "26 MiB of one image, on all surfaces": largest_images,
    "26 MiB of messages": many_messages,
    "1,000 silent connections": silent_connections,
    "100 streams that are not read": unread_streams,
    "requests whose answers are not read": unread_pipeline,
    "a body in chunks of a byte": tiny_chunks,
    "30 halves of bodies": half_bodies,
    "scrapes of /metrics": scrapes,
    "log-ins of unknown names": log_ins,
}


def go_on(name: str, victim: Victim, seconds: float) -> None:
    """One abuse for so long."""
    end = time.monotonic() + seconds
    acts = ABUSES[name](victim)
    with suppress(OSError, http.client.HTTPException):
        for _ in acts:
            if time.monotonic() > end:
                break
            time.sleep(PAUSE_S)
    acts.close()  # type: ignore[attr-defined]  # a generator
