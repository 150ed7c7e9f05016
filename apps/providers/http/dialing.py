"""From an origin to a connection: its name, its addresses, the race among them, TLS."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

from aiohappyeyeballs import start_connection

from apps.providers import network_errors
from apps.providers.http.connection import Connection
from apps.providers.http.pool import Pool
from apps.providers.http.requests import MAX_REMEMBERED, Origin
from apps.providers.http.tls import ResumingContext, client_context
from apps.providers.upstream_hosts import forbidden

NAME_S: Final = 60.0
"""How long the addresses of a name count."""
NEXT_ADDRESS_S: Final = 0.25
"""How long an address has before the next one is tried beside it (RFC 8305)."""

Entries = Sequence[Any]
"""As getaddrinfo has them."""


class Dialer:
    """Makes connections for a pool. Names are looked up once for all who wait for them."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self._loop = loop
        self._found: dict[Origin, tuple[Entries, float]] = {}
        self._looking: dict[Origin, asyncio.Task[Entries]] = {}
        self._tls: ResumingContext | None = None

    async def dial(self, origin: Origin, connect_s: float) -> Connection:
        """A new connection, all within `connect_s`. Raises UpstreamError."""
        try:
            async with asyncio.timeout(connect_s):
                return await self._dial(origin)
        except ssl.SSLError as error:
            raise network_errors.not_trusted() from error
        except TimeoutError as error:
            raise network_errors.out_of_time() from error
        except (socket.gaierror, UnicodeError) as error:
            raise network_errors.not_found() from error
        except (OSError, RuntimeError) as error:  # uvloop has both for addresses that cannot be had
            raise network_errors.not_reached() from error

    def served(self, connection: Connection) -> None:
        """It has brought its first answer."""
        if connection.tls is not None and self._tls is not None:
            self._tls.remember(connection.tls)

    def close(self) -> None:
        """Nobody dials any more."""
        for looking in list(self._looking.values()):
            looking.cancel()

    async def _dial(self, origin: Origin) -> Connection:
        entries = await self._entries(origin)
        opened = await start_connection(
            entries, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, loop=self._loop
        )
        try:
            _, connection = await self._loop.create_connection(
                partial(Connection, self._pool, origin, self._loop),
                sock=opened,
                ssl=self._context() if origin.secure else None,
                server_hostname=origin.host if origin.secure else None,
            )
        except BaseException:
            opened.close()
            raise
        return connection

    async def _entries(self, origin: Origin) -> Entries:
        """Where it is. Raises OSError."""
        found = self._found.get(origin)
        if found is not None and found[1] > self._loop.time():
            return found[0]
        looking = self._looking.get(origin)
        if looking is None:
            looking = self._looking[origin] = self._loop.create_task(self._look_up(origin))
            looking.add_done_callback(partial(self._looked_up, origin))
        return await asyncio.shield(looking)

    async def _look_up(self, origin: Origin) -> Entries:
        """Raises OSError, also where one of the addresses is where no provider is."""
        entries = await self._getaddrinfo(origin)
        if not entries or forbidden(str(entry[4][0]) for entry in entries):
            raise socket.gaierror("no provider is at this address")
        if len(self._found) >= MAX_REMEMBERED:
            self._found.clear()
        self._found[origin] = (entries, self._loop.time() + NAME_S)
        return entries

    async def _getaddrinfo(self, origin: Origin) -> Entries:
        """Raises OSError."""
        flags = 0 if _is_address(origin.host) else socket.AI_ADDRCONFIG
        return await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM, flags=flags)

    def _looked_up(self, origin: Origin, looking: "asyncio.Task[Entries]") -> None:
        self._looking.pop(origin, None)
        if not looking.cancelled():
            looking.exception()  # everybody who asked may have left

    def _context(self) -> ResumingContext:
        if self._tls is None:
            self._tls = client_context()
        return self._tls


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
