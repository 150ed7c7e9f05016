"""Bodies that an upstream sends packed although nobody asked: unpacked piece by piece as they are taken, so that none can be a bomb."""

import zlib
from typing import Final

from apps.providers import network_errors
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.open_answer import Body

PIECE_BYTES: Final = 256 * 1024
"""Most that one call gives, and that is held of what is unpacked."""
MAX_MEMBERS: Final = 100
"""Of a gzip body, which may be several one behind the other."""
GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
ZLIB_METHOD: Final = 8
UNPACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
UNREADABLE: Final = frozenset({"br", "zstd", "compress"})


def unpacked(body: Body, encoding: str | None) -> Body:
    """The body as it was before it was packed. What is called by no name of a packing is as it is. Raises UpstreamError."""
    name = (encoding or "").strip().lower()
    if name in UNPACKED:
        return Unpacked(body, name)
    if name in UNREADABLE:
        body.close()
        raise _unreadable()
    return body


class Unpacked:
    """See `open_answer.Body`."""

    __slots__ = ("_body", "_ended", "_is_full", "_members", "_name", "_rest", "_zlib")

    def __init__(self, body: Body, name: str) -> None:
        self._body = body
        self._name = name
        self._zlib: zlib._Decompress | None = None
        self._rest = b""
        self._is_full = False
        self._ended = False
        self._members = 0

    def at_end(self) -> bool:
        return self._ended

    async def more(self) -> bytes:
        while not self._ended:
            if not self._rest and not self._is_full:
                self._rest = await self._body.more()
                if not self._rest:
                    self._end()
                    break
            if piece := self._take():
                return piece
        return b""

    def close(self) -> None:
        self._body.close()

    def release(self, within_s: float) -> None:
        self._body.release(within_s)

    def _take(self) -> bytes:
        """What the rest unpacks to, up to a piece. Raises UpstreamError."""
        packer = self._zlib or self._next()
        try:
            piece = packer.decompress(self._rest, PIECE_BYTES)
        except zlib.error:
            self.close()
            raise _unreadable() from None
        self._rest = packer.unconsumed_tail
        self._is_full = len(piece) == PIECE_BYTES and not packer.eof
        if packer.eof and packer.unused_data and self._name != "deflate":
            self._rest, self._zlib = packer.unused_data, None
        elif packer.eof:
            self._rest = b""
        return piece

    def _next(self) -> "zlib._Decompress":
        """For the next member. Raises UpstreamError."""
        self._members += 1
        if self._members > MAX_MEMBERS:
            self.close()
            raise _unreadable()
        bits = GZIP
        if (
            self._name == "deflate"
        ):  # which some say of zlib's format, as it is meant, and some of what is inside of it
            bits = ZLIB if self._rest[0] & 0x0F == ZLIB_METHOD else RAW
        self._zlib = zlib.decompressobj(bits)
        return self._zlib

    def _end(self) -> None:
        self._ended = True
        if self._zlib is not None and not self._zlib.eof:
            raise network_errors.cut_short()


def _unreadable() -> UpstreamError:
    return UpstreamError(ErrorKind.PARSING, "The upstream's answer is packed in a way that cannot be read.")
