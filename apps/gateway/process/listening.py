"""The address that the gateway serves on: taken first, announced when the gateway has started, accepting from then on."""

import asyncio
import errno
import functools
import logging
import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from uvicorn.lifespan.on import LifespanOn, LifespanSendMessage

from apps.gateway import runtime
from apps.gateway.edge import patience
from apps.gateway.edge.disconnects import interrupt_all
from apps.gateway.edge.protocol import Protocol
from apps.gateway.edge.websocket import WebSocket
from apps.gateway.process import memory

Address = tuple[Any, ...]  # as the socket's family has it: host, port, and for IPv6 flow and interface

BACKLOG = 2048
WS_MAX_BYTES = 1024  # nobody has anything to say there
LAST_WORDS_S = 1.0
TICK_S = 0.1  # uvicorn's
TICKS_OF_A_SWEEP = round(patience.SWEEP_S / TICK_S)
UNREACHABLE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
REASONS = {
    errno.EADDRINUSE: "another process listens there; stop it, or choose another port with --port (FREEAI_PORT)",
    errno.EACCES: "that is not permitted; choose a port from 1024 on with --port (FREEAI_PORT)",
    errno.EADDRNOTAVAIL: "this machine has no such address; correct --host (FREEAI_HOST)",
    errno.EAFNOSUPPORT: "this machine has no such address; correct --host (FREEAI_HOST)",
}


UNHEARD = logging.Logger("unheard", level=logging.CRITICAL + 1)


class StartError(Exception):
    """The gateway cannot start. The text is a sentence with the remedy, where one is known."""


class AddressError(Exception):
    """The address cannot be had. The text is a sentence with the remedy."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Take the port (0: a free one) on every address of the host. Connections wait from now on. Raises AddressError."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        try:
            sockets.append(
                _listening(family, (address[0], port_of(sockets) if sockets else port, *address[2:]))
            )
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
    What it raises ends the gateway and is raised here. Raises StartError when the gateway does not start.
    """
    config = uvicorn.Config(
        "freeai.asgi:application",
        loop="uvloop",
        http=Protocol,
        ws=WebSocket,
        ws_max_size=WS_MAX_BYTES,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        proxy_headers=False,  # what a proxy says of scheme and sender is the Django side's business (FREEAI_TRUST_PROXY)
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.FREEAI_SHUTDOWN_GRACE_S,
    )
    config.load()
    patience.raise_file_limit()
    memory.give_back_large()
    failures: list[Exception] = []
    config.lifespan_class = functools.partial(_Lifespan, announce=announce, failures=failures)
    server = _Server(config)
    try:
        server.run(sockets)
    except KeyboardInterrupt:  # uvicorn raises Ctrl-C anew at its end
        if not server.started:
            raise
    except SystemExit:
        if failures:
            raise failures[0] from None
        raise


class _Server(uvicorn.Server):
    """uvicorn's, which hears signals while a start waits for the database, and ends what is still open a moment before the grace is
    over, so that every client is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._leaving.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        starting = asyncio.create_task(self._start(sockets))
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait([starting, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if starting.done():
            if refusal := await starting:
                raise refusal
        else:
            self.lifespan.startup_failed = True  # so what is cancelled is no error to be logged
            starting.cancel()

    async def on_tick(self, counter: int) -> bool:
        """See uvicorn: ten times a second. True ends the server."""
        if counter % TICKS_OF_A_SWEEP == 0:
            connections = self.server_state.connections
            patience.sweep(connections, asyncio.get_running_loop().time())  # type: ignore[arg-type]  # all ours
        return await super().on_tick(counter)

    async def _start(self, sockets: list[socket.socket] | None) -> SystemExit | None:
        """How uvicorn ends the process where it does: raised in a task of its own, that would be logged as nobody's."""
        try:
            await super().startup(sockets)
        except SystemExit as refusal:
            return refusal
        return None

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
    """uvicorn's, with a word between the gateway's start and the first connection. Why there is no start goes to `failures`."""

    def __init__(
        self, config: uvicorn.Config, *, announce: Callable[[], None], failures: list[Exception]
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._failures = failures

    async def send(self, message: LifespanSendMessage) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._failures.append(StartError(message["message"]))
            self.logger = UNHEARD  # it is said once, at the end
        await super().send(message)

    async def startup(self) -> None:
        await super().startup()
        if self.should_exit:
            return
        try:
            await runtime.in_a_start(self._announce)
        except Exception as error:  # noqa: BLE001 - raised by `serve`, when the gateway has stopped
            self._failures.append(error)
            await self.shutdown()
            self.should_exit = True


def _addresses(host: str, port: int) -> list[tuple[int, Address]]:
    """Family and address of each, with the interface where one is named. Raises AddressError."""
    if not host.strip():
        raise AddressError(
            "Cannot listen: --host (FREEAI_HOST) is empty; give a name or an address, such as 127.0.0.1."
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise AddressError(f"Cannot listen on {host}: {why}; correct --host (FREEAI_HOST).") from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _listening(family: int, address: Address) -> socket.socket:
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
