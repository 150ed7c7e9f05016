"""HTTP/1.1 on the socket: uvicorn's protocol, without its way with offers to upgrade."""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from apps.core.json_types import JSONArray

OFFERS = frozenset({b"upgrade", b"http2-settings"})


class Protocol(HttpToolsProtocol):
    """Answers over HTTP/1.1 whatever a client offers to speak: `Upgrade: h2c` of the JDK and of `curl --http2` (RFC 9110 § 7.8).

    The parser ends a message at the head of a request that offers an upgrade, and what follows, the body, is no longer HTTP to it. So a new
    parser is given the same head without the offer, and then the rest.
    """

    _reads_again = False

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if self._should_upgrade():
                    self.handle_websocket_upgrade()
                    return
                data = data[offer.args[0] :]
                self._ignore_offer()
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            else:
                return

    def _ignore_offer(self) -> None:
        head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            if name not in OFFERS:
                kept = _without_upgrade(value) if name == b"connection" else value
                head += [name, b": ", kept, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.cycle.more_body = True
        self._reads_again = True
        try:
            self.parser.feed_data(b"".join([*head, b"\r\n"]))
        finally:
            self._reads_again = False

    # The head is known when it is read again.
    def on_message_begin(self) -> None:
        if not self._reads_again:
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._reads_again:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._reads_again:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._reads_again:
            super().on_headers_complete()


def _without_upgrade(connection: bytes) -> bytes:
    """The value of a Connection header without what an offer to upgrade lists in it."""
    options: JSONArray = [option.strip() for option in connection.split(b",")]
    return b", ".join(option for option in options if option.lower() not in OFFERS)
