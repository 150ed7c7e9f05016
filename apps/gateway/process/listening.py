"""The address that the gateway serves on: taken first, announced when the gateway has started, accepting from then on."""

import asyncio
import errno
import functools
import os
import socket
from collections.abc import Callable

import uvicorn
from asgiref.sync import sync_to_async
from django.conf import settings
from uvicorn.lifespan.on import LifespanOn

from apps.gateway import runtime
from apps.gateway.edge.disconnects import interrupt_all
from apps.gateway.edge.protocol import Protocol

BACKLOG = 2048
LAST_WORDS_S = 1.0
UNREACHABLE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
REASONS = {
    errno.EADDRINUSE: "another process listens there; stop it, or choose another port with --port (FREEAI_PORT)",
    errno.EACCES: "that is not permitted; choose a port from 1024 on with --port (FREEAI_PORT)",
    errno.EADDRNOTAVAIL: "this machine has no such address; correct --host (FREEAI_HOST)",
    errno.EAFNOSUPPORT: "this machine has no such address; correct --host (FREEAI_HOST)",
}


class AddressError(Exception):
    """The address cannot be had. The text is a sentence with the remedy."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Take the port (0: a free one) on every address of the host. Connections wait from now on. Raises AddressError."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        try:
            sockets.append(_listening(family, (address, port_of(sockets) if sockets else port)))
        except OSError as error:
            if error.errno not in UNREACHABLE:
                close(sockets)
                raise AddressError(_sentence(host, port, error)) from error
            failure = error  # localhost is ::1 too, where there may be no IPv6
    if failure is not None and not sockets:
        raise AddressError(_sentence(host, port, failure)) from failure
    return sockets


def port_of(sockets: list[socket.socket]) -> int:
    """The port that was taken."""
    port: int = sockets[0].getsockname()[1]
    return port


def close(sockets: list[socket.socket]) -> None:
    for each in sockets:
        each.close()


def serve(sockets: list[socket.socket], announce: Callable[[], None]) -> None:
    """Until a signal; open streams get FREEAI_SHUTDOWN_GRACE_S to end.

    `announce` is called once, off the event loop, when the gateway has started and before the first connection is accepted.
    What it raises ends the gateway and is raised here. Ends the process when the gateway does not start.
    """
    config = uvicorn.Config(
        "freeai.asgi:application",
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,  # nothing reads the client's address; a proxy's scheme is Django's business
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.FREEAI_SHUTDOWN_GRACE_S,
    )
    config.load()
    failures: list[Exception] = []
    config.lifespan_class = functools.partial(_Lifespan, announce=announce, failures=failures)
    try:
        _Server(config).run(sockets)
    except KeyboardInterrupt:  # uvicorn raises Ctrl-C anew at its end
        pass
    except SystemExit:
        if failures:
            raise failures[0] from None
        raise


class _Server(uvicorn.Server):
    """uvicorn's, which ends what is still open a moment before the grace is over, so that every client is told."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        grace_s = settings.FREEAI_SHUTDOWN_GRACE_S
        when_s = grace_s - min(LAST_WORDS_S, grace_s / 4)
        ending = asyncio.get_running_loop().call_later(when_s, _end_requests)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()


def _end_requests() -> None:
    runtime.current().stopping = True
    interrupt_all()


class _Lifespan(LifespanOn):
    """uvicorn's, with a word between the gateway's start and the first connection."""

    def __init__(
        self, config: uvicorn.Config, *, announce: Callable[[], None], failures: list[Exception]
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._failures = failures

    async def startup(self) -> None:
        await super().startup()
        if self.should_exit:
            return
        try:
            await sync_to_async(self._announce)()
        except Exception as error:  # noqa: BLE001 - raised by `serve`, when the gateway has stopped
            self._failures.append(error)
            await self.shutdown()
            self.should_exit = True


def _addresses(host: str, port: int) -> list[tuple[int, str]]:
    """Family and address of each. Raises AddressError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise AddressError(f"Cannot listen on {host}: {why}; correct --host (FREEAI_HOST).") from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _listening(family: int, address: tuple[str, int]) -> socket.socket:
    """It listens at once: a port that is only bound may be taken by somebody else who listens first."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _sentence(host: str, port: int, error: OSError) -> str:
    reason = REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
    return f"Cannot listen on {host}, port {port}: {reason}."
