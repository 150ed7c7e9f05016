"""A connection to Redis that all calls of a process share: what is asked in one turn of the loop leaves in one write, and answers come in
the order of the calls.

The wire, TLS and signing in are the `redis` package's; a pool of its connections with a call on each costs five times as much, and sends
what got no answer again, although it may have been executed. Here nothing is sent twice: no answer in time is an error to all who wait,
and the connection is gone.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from apps.core.state.redis import scripts

TICKS: Final = 4
"""Looks at the oldest call within its time."""
MOST_WAITING: Final = 50_000
"""Calls without an answer: more is no load, but a server that is lost."""


class LinkError(Exception):
    """Redis gave no answer: whether a call was executed is not known."""


class RefusedError(Exception):
    """Redis, or a script in it, refused a call: `code` is the first word of what it said. It changed nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


class Link:
    """One connection. `run_id` names the server's life: another one after each start of it. Made once; a broken one stays so."""

    def __init__(self, url: str, deadline_s: float) -> None:
        options: dict[str, Any] = {**parse_url(url)}
        kind: type[AbstractConnection] = options.pop("connection_class", Connection)
        self._connection = kind(
            **options,
            socket_timeout=None,
            socket_connect_timeout=max(deadline_s, 1.0),
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._deadline_s = deadline_s
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._out: list[bytes] = []
        self._reader: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._broken: str = "not connected"
        self.run_id = ""

    async def open(self) -> None:
        """Connect, load the scripts. Raises LinkError; RefusedError where Redis does not take what is sent."""
        try:
            async with asyncio.timeout(max(4 * self._deadline_s, 2.0)):
                await self._connection.connect()  # type: ignore[no-untyped-call] # theirs
                self._broken = ""
                self._reader = asyncio.create_task(self._read())
                about = await self.call(b"INFO", b"server")
                self.run_id = _run_id(about)
                await self.load()
        except (RedisError, OSError, TimeoutError) as error:
            self.close(f"{type(error).__name__}: {error}")
            raise LinkError(self._broken) from error
        except LinkError:
            self.close(self._broken)
            raise

    async def load(self) -> None:
        """Bring the scripts that are not there. Raises LinkError, RefusedError."""
        known = await self.call("SCRIPT", "EXISTS", *(scripts.digest(name) for name in scripts.NAMES))
        for name, is_there in zip(scripts.NAMES, known, strict=True):
            if not is_there:
                await self.call("SCRIPT", "LOAD", scripts.text(name).encode())

    @property
    def is_open(self) -> bool:
        """Whether calls may be made."""
        return not self._broken

    def call(self, *words: bytes | str | int | float) -> "asyncio.Future[Any]":
        """Ask; it leaves with the other calls of this turn. The future raises LinkError, or RefusedError."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if self._broken or len(self._waiting) >= MOST_WAITING:
            answer.set_exception(LinkError(self._broken or "too many calls without an answer"))
            answer.exception()  # who is not awaited is nobody's surprise
            return answer
        if not self._out:
            loop.call_soon(self._flush)
        self._out.append(_packed(words))
        self._waiting.append((answer, loop.time()))
        if self._watch is None:
            self._look_later(loop)
        return answer

    def run(self, name: scripts.Name, keys: list[str], *arguments: Any) -> "asyncio.Future[Any]":
        """Call a script."""
        return self.call("EVALSHA", scripts.digest(name), len(keys), *keys, *arguments)

    def close(self, why: str = "closed") -> None:
        """Let go. Whoever waits is told."""
        if not self._broken or self._waiting:
            self._broken = why
            waiting, self._waiting = self._waiting, deque()
            for answer, _ in waiting:
                if not answer.done():
                    answer.set_exception(LinkError(why))
                    answer.exception()  # who is not awaited is nobody's surprise
        self._broken = self._broken or why
        self._out.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._reader is not None:
            self._reader.cancel()
        writer = self._connection._writer
        if writer is not None:
            with suppress(OSError, RuntimeError):
                writer.transport.abort()

    async def aclose(self) -> None:
        """Wait for the answers to what was asked, and close."""
        waiting = [answer for answer, _ in self._waiting]
        if waiting:
            await asyncio.wait(waiting, timeout=self._deadline_s)
        self.close()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=1.0)

    def _flush(self) -> None:
        out, self._out = self._out, []
        writer = self._connection._writer
        if not out or self._broken:
            return
        if writer is None or writer.is_closing():
            self.close("the connection is gone")
            return
        writer.write(b"".join(out))

    async def _read(self) -> None:
        connection = self._connection
        try:
            while True:
                try:
                    answer: Any = await connection.read_response(disconnect_on_error=False)
                except ResponseError as refusal:
                    said = f"NOSCRIPT {refusal}" if isinstance(refusal, NoScriptError) else str(refusal)
                    answer = RefusedError(said)
                if not self._waiting:
                    self.close("an answer to nothing")
                    return
                waiting = self._waiting.popleft()[0]
                if waiting.done():
                    continue
                if isinstance(answer, RefusedError):
                    waiting.set_exception(answer)
                    waiting.exception()
                else:
                    waiting.set_result(answer)
        except (RedisError, OSError, EOFError) as error:
            self.close(f"{type(error).__name__}: {error}")

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + self._deadline_s / TICKS
        self._watch = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Is the oldest call late? A loop that was late itself first reads what has come meanwhile."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        was_late = now > self._due + self._deadline_s / 2
        self._watch = None
        if not self._waiting:
            return
        if now - self._waiting[0][1] > self._deadline_s and not was_late:
            self.close(f"no answer within {self._deadline_s} s")
            return
        self._look_later(loop)


def _packed(words: tuple[bytes | str | int | float, ...]) -> bytes:
    """A command on the wire; the package's own way takes ten times as long."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


def _run_id(about: bytes | str) -> str:
    text = about.decode() if isinstance(about, bytes) else about
    for line in text.splitlines():
        if line.startswith("run_id:"):
            return line.removeprefix("run_id:").strip()
    raise LinkError("the server does not tell its run_id")
