"""A call of an upstream away from the request path: for key tests, model lists and accounts. Blocks; its thread runs no event loop.

What answers is hostile: bytes and JSON values have bounds, redirects are answers like any other, and the whole answer comes in time or not
at all. That needs a loop of the call's own: httpx's timeouts count from byte to byte, and a head that trickles would hold a thread for
days.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final

import httpx
from msgspec import Struct

from apps.core.json_bounds import holds_more_values
from apps.providers.egress import SCHEMES, ForbiddenTargetError, GuardedTransport
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import UpstreamRequest
from apps.providers.upstream_hosts import may_be_called

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024  # OpenRouter's model list has more than one
MAX_VALUES: Final = 500_000
MAX_ERROR_BYTES: Final = 64 * 1024
"""Of a refusal, as on the request path."""
OK_STATUSES: Final = range(200, 300)


class Answer(Struct, frozen=True):
    """A whole answer, unpacked, its headers' names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return self.status in OK_STATUSES


def call(request: UpstreamRequest, timeout_s: float, most: int = MAX_ANSWER_BYTES) -> Answer:
    """The answer, of at most `most` bytes, all of it within `timeout_s`. Raises UpstreamError."""
    with _translating():
        return asyncio.run(_call(request, max(timeout_s, 0.0), most))


async def _call(request: UpstreamRequest, timeout_s: float, most: int) -> Answer:
    """Raises UpstreamError, TimeoutError, and httpx's exceptions."""
    async with (
        asyncio.timeout(timeout_s),
        httpx.AsyncClient(timeout=None, trust_env=False, transport=_pinned()) as http,  # noqa: S113 - above
        http.stream(
            request.method, request.url, headers=request.headers, content=request.body or None
        ) as response,
    ):
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code not in OK_STATUSES:
            return Answer(response.status_code, headers, await _beginning(response))
        body = bytearray()
        async for data in response.aiter_bytes():
            body += data
            if len(body) > most:
                raise UpstreamError(ErrorKind.PARSING, "the answer is larger than 16 MB")
        if holds_more_values(bytes(body), MAX_VALUES):
            raise UpstreamError(ErrorKind.PARSING, "the answer holds too many values")
        return Answer(response.status_code, headers, bytes(body))


async def _beginning(response: httpx.Response) -> bytes:
    """So much of a refusal as is read."""
    body = b""
    async for data in response.aiter_bytes():
        body += data
        if len(body) > MAX_ERROR_BYTES:
            break
    return body[:MAX_ERROR_BYTES]


def _pinned() -> GuardedTransport:
    """Looks a name up once, and calls what it looked at: what the name leads to a moment later is not asked."""
    return GuardedTransport(may_reach=may_be_called, target=_target, verify=_certificates())


def _target(url: httpx.URL) -> tuple[str, int]:
    """Any port: model servers of one's own have those that they have."""
    return url.host.removesuffix("."), url.port or SCHEMES.get(url.scheme, 0)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes longer than many an answer."""
    return httpx.create_ssl_context(trust_env=False)


@contextmanager
def _translating() -> Iterator[None]:
    """Exceptions as UpstreamError, in words that name no address."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise UpstreamError(ErrorKind.NETWORK, "no answer in time", timed_out=True) from error
    except ForbiddenTargetError as error:
        raise UpstreamError(ErrorKind.NETWORK, "no provider is at this address") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise UpstreamError(ErrorKind.NETWORK, "the base URL is not usable") from error
    except httpx.DecodingError as error:
        raise UpstreamError(ErrorKind.PARSING, "the answer cannot be decoded") from error
    except httpx.HTTPError as error:
        raise UpstreamError(ErrorKind.NETWORK, "the connection failed") from error
