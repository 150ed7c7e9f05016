"""An upstream call from outside: the contract of what opens it and of what it brings. Engines and tests are exchanged here."""

from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from typing import Protocol

from msgspec import Struct

from apps.providers.types import UpstreamRequest

CONNECTED_AT: ContextVar[float] = ContextVar("connected_at", default=0.0)
"""When this task's latest call got its connection, on the monotonic clock."""


def connected_ms(begun: float) -> float | None:
    """How long it was from `begun`, on the monotonic clock, until this task's latest call had a connection; None where it took none."""
    at = CONNECTED_AT.get()
    return (at - begun) * 1000 if at >= begun else None


class Timeouts(Struct, frozen=True):
    """Seconds: to connect, and between two reads (the wait for the first byte included)."""

    connect_s: float
    read_s: float


class UpstreamResponse(Protocol):
    """An open answer. Header names are lower case. It ends in one of two ways, of which the first counts:

    `close` frees the connection at once. `release` is for an answer that is complete: what may be left of the body is read for a moment,
    off the caller's path and within bounds, so that the connection can serve again. Both may be called twice.
    """

    status: int
    headers: Mapping[str, str]

    async def read(self, most: int) -> bytes:
        """The whole body, then released. JSON that is complete is whole although the end of its body never comes. Raises UpstreamError
        (network; larger than `most` bytes)."""
        ...

    async def read_beginning(self, limit: int) -> bytes:
        """At most `limit` bytes of the body, as much as comes within a moment, then released. Never raises UpstreamError."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises UpstreamError (network)."""
        ...

    def close(self) -> None: ...

    def release(self) -> None: ...


class Transport(Protocol):
    """Opens upstream calls. The seam at which tests and engines are exchanged."""

    async def open(self, request: UpstreamRequest, timeouts: Timeouts) -> UpstreamResponse:
        """Send, and return when the status line and headers are there. Raises UpstreamError(NETWORK)."""
        ...

    async def aclose(self) -> None: ...
