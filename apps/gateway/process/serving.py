"""The HTTP server of one process: announced when the gateway has started, accepting from then on, drained at its end."""

import asyncio
import functools
import logging
import signal
import socket
from collections.abc import Callable
from math import ceil
from types import FrameType
from typing import NamedTuple

import structlog
import uvicorn
from django.conf import settings
from uvicorn.lifespan.on import LifespanOn, LifespanSendMessage

from apps.gateway import runtime
from apps.gateway.edge import asgi as lean
from apps.gateway.edge import patience
from apps.gateway.edge.disconnects import interrupt_all
from apps.gateway.edge.protocol import Protocol
from apps.gateway.edge.websocket import WebSocket
from apps.gateway.process import memory
from apps.gateway.process.listening import BACKLOG

log = structlog.get_logger("freeai.gateway")

WS_MAX_BYTES = 1024  # nobody has anything to say there
LAST_WORDS_S = 1.0
TICK_S = 0.1  # uvicorn's
TICKS_OF_A_SWEEP = round(patience.SWEEP_S / TICK_S)
UNHEARD = logging.Logger("unheard", level=logging.CRITICAL + 1)


class StartError(Exception):
    """The gateway cannot start. The text is a sentence with the remedy, where one is known."""


class Worker(NamedTuple):
    """What one of several web processes has to do with their parent. `parent`: a descriptor that can be read when the parent is gone;
    `ready`: called when the first connection may come."""

    parent: int
    ready: Callable[[], None]


def configure() -> uvicorn.Config:
    """Everything is loaded that serving needs, and nothing has begun: a process that forks does so behind it."""
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
    config.http_protocol_class = functools.partial(Protocol, serve=lean.serve)  # type: ignore[assignment]  # as uvicorn calls it
    patience.raise_file_limit()
    memory.give_back_large()
    return config


def serve(
    config: uvicorn.Config,
    sockets: list[socket.socket],
    announce: Callable[[], None],
    worker: Worker | None = None,
) -> None:
    """Until a signal; open streams get FREEAI_SHUTDOWN_GRACE_S to end.

    `announce` is called once, off the event loop, when the gateway has started and before the first connection is accepted.
    What it raises ends the gateway and is raised here. Raises StartError when the gateway does not start.
    """
    failures: list[Exception] = []
    config.lifespan_class = functools.partial(_Lifespan, announce=announce, failures=failures)
    server = _Server(config) if worker is None else _WorkerServer(config, worker)
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
        grace_s = self._grace_s()
        self.config.timeout_graceful_shutdown = ceil(grace_s)
        when_s = grace_s - min(LAST_WORDS_S, grace_s / 4)
        ending = asyncio.get_running_loop().call_later(when_s, _end_requests)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    def _grace_s(self) -> float:
        """How long open requests may go on from now."""
        return float(settings.FREEAI_SHUTDOWN_GRACE_S)


class _WorkerServer(_Server):
    """One of several. It can be replaced without a connection being refused: another listens already, so that it only has to be left by
    those who are here, each of whom is told so with its next answer."""

    def __init__(self, config: uvicorn.Config, worker: Worker) -> None:
        super().__init__(config)
        self._worker = worker
        self._leaves_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._worker.parent, self._orphaned)
        await super().startup(sockets)
        if self.started:
            loop.add_signal_handler(signal.SIGHUP, self._retire)
            self._worker.ready()

    async def on_tick(self, counter: int) -> bool:
        """See uvicorn: the retired one ends when it is alone, or its time is over."""
        leaves = await super().on_tick(counter)
        if self._leaves_at is None:
            return leaves
        alone = not self.server_state.connections and not self.server_state.tasks
        return leaves or alone or asyncio.get_running_loop().time() >= self._leaves_at

    def _retire(self) -> None:
        """A connection between two requests is not closed: its next one may be on its way."""
        if self._leaves_at is not None:
            return
        self._leaves_at = asyncio.get_running_loop().time() + settings.FREEAI_SHUTDOWN_GRACE_S
        for server in self.servers:
            server.close()
        for headers in (self.config.encoded_headers, self.server_state.default_headers):
            headers.append((b"connection", b"close"))
        for connection in list(self.server_state.connections):
            if isinstance(connection, WebSocket):
                connection.shutdown()

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._worker.parent)
        log.warning("worker.parent_gone")
        self.handle_exit(signal.SIGTERM, None)

    def _grace_s(self) -> float:
        whole_s = super()._grace_s()
        if self._leaves_at is None:
            return whole_s
        return max(self._leaves_at - asyncio.get_running_loop().time(), min(LAST_WORDS_S, whole_s))


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
