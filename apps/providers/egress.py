"""HTTP to hosts that a request names: to public addresses only, and to the very address that was checked.

The check sits in the transport, so that no call and no redirect can miss it. The name is resolved here, every address is checked, and
the connection goes to one of those, with the name kept in the Host header and in TLS: what the name resolves to later does not matter.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import httpx

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
Target = Callable[[httpx.URL], tuple[str, int]]

SCHEMES: Final = {"http": 80, "https": 443}
FIRST_FREE_PORT: Final = 1024
MAX_PORT: Final = 65_535
MAX_ADDRESSES: Final = 3
HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Global addresses by the registries' tables, or by those of older Python versions, that no image lives at.
REFUSED = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's platform, reachable from each of its machines
        "192.0.0.0/24",  # protocol assignments; Oracle Cloud's metadata
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
UNICAST_6 = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")


class ForbiddenTargetError(Exception):
    """A URL that is not called. The message says why and names no address."""


def is_public(address: Address) -> bool:
    """Whether `address` is a host on the open internet. An IPv4 address inside an IPv6 one (mapped, NAT64) is judged itself;
    compatible, 6to4 and Teredo ones are refused whole."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if address in NAT64:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
        if address not in UNICAST_6:
            return False
    listed = any(address in network for network in REFUSED)
    return address.is_global and not address.is_multicast and not listed


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host name, best first. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends over httpx's own transport, after the check. For a client with `trust_env=False`: a proxy would resolve again.

    `target` (host and port of a URL, or ForbiddenTargetError) and `may_reach` are laxer for calls of providers; `resolve` is there for
    tests: no setting leads to it. Connections are not reused, for the next host behind the same address would otherwise be trusted by the
    certificate of the first.
    """

    def __init__(
        self,
        *,
        resolve: Resolver = resolve,
        may_reach: Callable[[Address], bool] = is_public,
        target: Target | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._resolve = resolve
        self._may_reach = may_reach
        self._target = target or checked_target
        self._inner = httpx.AsyncHTTPTransport(
            verify=verify, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ForbiddenTargetError, and httpx's exceptions."""
        host, port = self._target(request.url)
        addresses = await self._addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_pinned(request, host, addresses[-1]))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """Up to MAX_ADDRESSES addresses, at least one. One forbidden address forbids the name."""
        literal = _literal(host)
        found = [literal] if literal is not None else await self._lookup(host, port)
        if not found or not all(map(self._may_reach, found)):
            # One text for both, or it would tell which internal names exist.
            raise ForbiddenTargetError("its host has no public address")
        return found[:MAX_ADDRESSES]

    async def _lookup(self, host: str, port: int) -> list[Address]:
        try:
            return list(dict.fromkeys(ip_address(text) for text in await self._resolve(host, port)))
        except (OSError, UnicodeError, ValueError):
            return []


def guarded_client(
    transport: httpx.AsyncBaseTransport | None, *, total_s: float, connect_s: float
) -> httpx.AsyncClient:
    """A client for hosts that a request or an operator names: over `transport` or, where None, a strict GuardedTransport; by no proxy, and
    without cookies, for what one call was given must not travel with another's."""
    return httpx.AsyncClient(
        transport=transport or GuardedTransport(),
        timeout=httpx.Timeout(total_s, connect=connect_s),
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


def checked_target(url: httpx.URL) -> tuple[str, int]:
    """Host (ASCII, without a final dot) and port of a URL that may be called. Raises ForbiddenTargetError.

    Ports: 80, 443 and those from 1024 on, where web servers listen; what is below belongs to mail, shells and the like.
    """
    if url.scheme not in SCHEMES:
        raise ForbiddenTargetError("only http and https URLs are fetched")
    if url.userinfo:
        raise ForbiddenTargetError("URLs with a user name or password are not fetched")
    port = url.port if url.port is not None else SCHEMES[url.scheme]
    if port not in SCHEMES.values() and not FIRST_FREE_PORT <= port <= MAX_PORT:
        raise ForbiddenTargetError("its port is not one of web servers")
    host = url.raw_host.decode("ascii", "replace").lower().removesuffix(".")
    if _literal(host) is None and (not HOST_NAME.fullmatch(host) or _ends_in_number(host)):
        raise ForbiddenTargetError("its host name is not valid")
    return host, port


def _ends_in_number(host: str) -> bool:
    """Whether resolvers would read `host` as an IPv4 address in one of its forgotten forms: 2130706433, 0x7f.1, 0177.0.0.1."""
    return NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _literal(host: str) -> Address | None:
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None


def _pinned(request: httpx.Request, host: str, address: Address) -> httpx.Request:
    """The same request to `address`; its Host header is that of the name already."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
