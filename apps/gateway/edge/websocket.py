"""WebSockets on the socket: uvicorn's protocol, counted among the connections like any other. Its own pings end those that are silent."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class WebSocket(WebSocketsSansIOProtocol):
    """Satisfies `patience.Connection`: the head has come whole, and from then on nothing is awaited but the answers to pings."""

    def overdue(self, _now: float) -> bool:
        """Never: see the module."""
        return False

    def time_out(self) -> None:
        """Close it."""
        self.transport.abort()

    def silent_since(self) -> float | None:
        """It always waits for something of ours."""
        return None

    def make_room(self) -> None:
        """Close it."""
        self.transport.abort()
