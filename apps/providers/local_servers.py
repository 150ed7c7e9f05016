"""Model servers on this machine: which of those that the catalogue knows answer at their addresses.

Only loopback addresses are asked, only those of providers that need no key, and each for its model list once. What answers with
anything else (a web page, a trickle, another gateway) is not one. Nothing that is found is used before somebody accepts it.
"""

import asyncio
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated, Final, Literal
from urllib.parse import urljoin

import httpx
import msgspec
from msgspec import Meta, Struct

from apps.providers.types import Preset

TIMEOUT_S: Final = 2.0
MAX_BYTES: Final = 1024 * 1024
LOCALHOST: Final = ("127.0.0.1", "::1")
GATEWAY: Final = "freeai"
"""What FreeAI says of its own models."""


class Place(Struct, frozen=True):
    """Where a provider's server would be."""

    provider: str
    base_url: str
    preset: Preset


class LocalServer(Struct, frozen=True):
    """A server that answered, with the models that it lists."""

    provider: str
    models: tuple[str, ...]


class _Entry(Struct):
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    owned_by: str | None = None


class _Listing(Struct):
    """OpenAI's list of models. A server without any may say null."""

    object: Literal["list"]
    data: Annotated[list[_Entry], Meta(max_length=2_000)] | None


def is_local(base_url: str, *, requires_key: bool) -> bool:
    """Whether the provider is a server on this machine that anybody may use."""
    return not requires_key and bool(_addresses(_parsed(base_url)))


async def find(places: Iterable[Place], own: Iterable[tuple[str, int]] = ()) -> list[LocalServer]:
    """The servers that answer, all asked at once; takes at most TIMEOUT_S. `own`: addresses at which this process itself listens."""
    listening = frozenset(own)
    no_tls = ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT
    )  # made in a moment, unlike one that knows the world's authorities
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S, verify=no_tls) as http:
        found = await asyncio.gather(*(_ask(http, place, listening) for place in places))
    return [server for server in found if server is not None]


async def _ask(http: httpx.AsyncClient, place: Place, own: frozenset[tuple[str, int]]) -> LocalServer | None:
    url = _parsed(place.base_url.rstrip("/") + "/", place.preset.probe.url)
    if url is None or place.preset.probe.kind != "get":
        return None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            for address in _addresses(url):
                if not _is_own(address, url.port or 80, own) and (body := await _read(http, url, address)):
                    return _server(place.provider, body)
    except TimeoutError:
        pass
    return None


async def _read(http: httpx.AsyncClient, url: httpx.URL, address: str) -> bytes:
    """The body of a 200 from the server at `address`; empty where there is none."""
    headers = {"host": url.netloc.decode(), "accept": "application/json", "accept-encoding": "identity"}
    body = bytearray()
    try:
        async with http.stream("GET", url.copy_with(host=address), headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                return b""
            async for data in answer.aiter_raw():
                body += data
                if len(body) > MAX_BYTES:
                    return b""
    except (httpx.HTTPError, httpx.InvalidURL):
        return b""
    return bytes(body)


def _server(provider: str, body: bytes) -> LocalServer | None:
    try:
        models = msgspec.json.decode(body, type=_Listing).data or []
    except (msgspec.DecodeError, RecursionError):
        return None
    if any(model.owned_by == GATEWAY for model in models):
        return None
    return LocalServer(provider, tuple(dict.fromkeys(model.id for model in models)))


def _parsed(url: str, relative: str = "") -> httpx.URL | None:
    try:
        return httpx.URL(urljoin(url, relative))
    except (httpx.InvalidURL, ValueError):
        return None


def _addresses(url: httpx.URL | None) -> tuple[str, ...]:
    """The loopback addresses that the URL means, none where it leads off this machine. Names are not resolved: they could lead anywhere."""
    if url is None or url.scheme != "http" or url.userinfo:
        return ()
    if url.host == "localhost":
        return LOCALHOST
    try:
        return (url.host,) if ip_address(url.host).is_loopback else ()
    except ValueError:
        return ()


def _is_own(address: str, port: int, own: frozenset[tuple[str, int]]) -> bool:
    """Whether this process listens there itself, perhaps on all addresses."""
    everywhere = "0.0.0.0" if ip_address(address).version == 4 else "::"  # noqa: S104, PLR2004 - compared, not bound
    return bool(own & {(address, port), (everywhere, port)})
