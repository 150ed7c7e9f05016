"""An open answer of aiohttp's behind the `UpstreamResponse` contract, and what its exceptions mean."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Self

import aiohttp
import orjson

from apps.providers.errors import ErrorKind, UpstreamError

TAIL_S = 2.0  # how long JSON that is complete waits for the end of its body
DRAIN_S = 1.0  # how long a connection may take to deliver the rest of an answer that is complete; aiohttp stops reading at 512 KiB
REFUSAL_S = 5.0  # how long the text of a refusal may take
WHOLE_ENDS = (b"}", b"]")
END_MARK = b"[DONE]"


class OpenAnswer:
    """An open aiohttp answer behind the `UpstreamResponse` contract."""

    __slots__ = ("_ended", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._ended = False
        self.status = response.status
        self.headers: Mapping[str, str] = _LowerHeaders(response)

    async def read(self, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while data := await self._more(parts):
            size += len(data)
            if size > most:
                self.close()
                raise UpstreamError(
                    ErrorKind.PARSING,
                    f"The upstream's answer is larger than {most} bytes.",
                    status=self.status,
                )
            parts.append(data)
        self.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_beginning(self, limit: int) -> bytes:
        body = b""
        try:
            async with asyncio.timeout(REFUSAL_S):
                while len(body) < limit and (data := await self._more([body])):
                    body += data
        except (UpstreamError, TimeoutError):
            self.close()
        self.release()
        return body[:limit]

    async def _more(self, parts: list[bytes]) -> bytes:
        """The next of the body behind `parts`; b"" at its end, and where the answer is complete but the end does not come."""
        content = self._response.content
        if content.at_eof():
            return b""
        may_be_whole = bool(parts) and parts[-1].rstrip().endswith(WHOLE_ENDS)
        try:
            return await asyncio.wait_for(content.readany(), TAIL_S if may_be_whole else None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if may_be_whole and _is_whole(b"".join(parts)):
                return b""
            if type(error) is TimeoutError:  # not aiohttp's: it was only slow
                return await self._more([])
            self.close()
            raise translated(error) from error

    def chunks(self) -> "_Chunks":
        return _Chunks(self._response.content, self)

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._response.close()

    def release(self) -> None:
        """aiohttp gives a connection back at the end of its body by itself; what comes until then stays in its buffer, which is bounded."""
        if self._ended:
            return
        self._ended = True
        if not self._response.closed:
            timer = asyncio.get_running_loop().call_later(DRAIN_S, self._response.close)
            self._response.content.on_eof(timer.cancel)


class _Chunks:
    """The body as it arrives; an object, not a generator, so that nothing is left to the garbage collector."""

    __slots__ = ("_content", "_response")

    def __init__(self, content: aiohttp.StreamReader, response: OpenAnswer) -> None:
        self._content = content
        self._response = response

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._response.close()
            raise translated(error) from error
        if not data:
            raise StopAsyncIteration
        return data


class _LowerHeaders(Mapping[str, str]):
    """aiohttp's headers are case-insensitive already; read through, without a copy."""

    __slots__ = ("_response",)

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __getitem__(self, name: str) -> str:
        return self._response.headers[name]

    def __iter__(self) -> Iterator[str]:
        return (name.lower() for name in self._response.headers)

    def __len__(self) -> int:
        return len(self._response.headers)


def _is_whole(body: bytes) -> bool:
    """Whether the body says by itself that it is complete: JSON, or the events of a stream up to their end mark."""
    if body.rstrip().endswith(END_MARK):
        return True
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def translated(error: Exception) -> UpstreamError:
    """The network error behind an aiohttp exception, in words that name no address and no key."""
    match error:
        case aiohttp.SocketTimeoutError() | asyncio.TimeoutError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream did not answer in time.", timed_out=True)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream's TLS certificate was refused.")
        case aiohttp.ClientConnectorDNSError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream's host name does not resolve.")
        case aiohttp.ClientConnectorError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream refused the connection.")
        case aiohttp.ClientPayloadError():
            return UpstreamError(ErrorKind.NETWORK, "The upstream cut its answer short.")
        case aiohttp.InvalidURL() | ValueError():
            return UpstreamError(ErrorKind.NETWORK, "The provider's base URL is not usable.")
        case _:
            return UpstreamError(
                ErrorKind.NETWORK, f"The connection to the upstream broke ({type(error).__name__})."
            )
