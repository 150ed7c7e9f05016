"""What aiohttp has of an answer behind its head, as a `Body`, and what its exceptions mean."""

import asyncio
from collections.abc import Iterator, Mapping

import aiohttp

from apps.providers import network_errors
from apps.providers.errors import UpstreamError


class AiohttpBody:
    """See `open_answer.Body`. aiohttp stops reading at twice its buffer, 512 KiB."""

    __slots__ = ("_ended", "_response")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._ended = False

    def at_end(self) -> bool:
        return self._response.content.at_eof()

    async def more(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.close()
            raise translated(error) from error
        except RuntimeError as error:  # how aiohttp says that the pool was closed meanwhile
            raise network_errors.given_up() from error

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._response.close()

    def release(self, within_s: float) -> None:
        """aiohttp gives a connection back at the end of its body by itself; what comes until then stays in its buffer, which is bounded."""
        if self._ended:
            return
        self._ended = True
        if not self._response.closed:
            timer = asyncio.get_running_loop().call_later(within_s, self._response.close)
            self._response.content.on_eof(timer.cancel)


class LowerHeaders(Mapping[str, str]):
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


def translated(error: Exception) -> UpstreamError:
    """The network error behind an aiohttp exception."""
    match error:
        case aiohttp.SocketTimeoutError() | asyncio.TimeoutError():
            return network_errors.out_of_time()
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return network_errors.not_trusted()
        case aiohttp.ClientConnectorDNSError():
            return network_errors.not_found()
        case aiohttp.ClientConnectorError():
            return network_errors.not_reached()
        case aiohttp.ClientPayloadError():
            return network_errors.cut_short()
        case aiohttp.InvalidURL() | ValueError():
            return network_errors.not_usable()
        case _:
            return network_errors.broken(type(error).__name__)
