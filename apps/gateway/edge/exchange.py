"""The way of an answer to its client: over ASGI, or as bytes on the socket (`cycle`)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]
NO_CONTENT = 204


class Exchange(Protocol):
    """One request's answer: `whole`, or `begin`, parts and `end`. Each waits for a client that reads slowly, and does nothing for one
    that is gone. Headers are such as may be sent: names in lower case, neither with anything that ends a line."""

    client_left: bool
    """Whether the request was cancelled because its client is gone."""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """All of it. Its length is told here."""

    async def begin(self, status: int, headers: Headers) -> None:
        """The head of an answer whose parts follow."""

    async def part(self, data: bytes) -> None:
        """Some of it; not empty."""

    async def end(self) -> None:
        """That was all."""


def with_length(status: int, headers: Headers, body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a whole answer. One without content has none, and not one of 0 bytes (RFC 9110 § 8.6)."""
    if status == NO_CONTENT:
        return [*headers]
    return [*headers, (b"content-length", b"%d" % len(body))]


class AsgiExchange:
    """Over any ASGI server."""

    __slots__ = ("_send", "client_left")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.client_left = False

    def leave(self) -> None:
        """The client is gone."""
        self.client_left = True

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        await self.begin(status, with_length(status, headers, body))
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, status: int, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def part(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})
