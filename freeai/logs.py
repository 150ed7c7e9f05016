"""Structured logs: one event with fields a line, JSON in production, readable on a terminal. Configured once a process.

Nothing that a log line does may change an answer: a line that cannot be made or written is lost, counted, and that is all.
"""

import json
import logging
import os
import select
import stat
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO, cast

import orjson
import structlog

from apps.core import worker
from freeai.log_values import frames_of_exception, of_libraries

LEVELS = {name: getattr(logging, name.upper()) for name in ("debug", "info", "warning", "error", "critical")}
FORMATS = ("json", "console")
LEVEL_NAMES: Final = {"exception": "error", "warn": "warning"}
"""Of methods that are called otherwise."""
WAITING_BYTES = 1024 * 1024


class LogStream:
    """`target` as a stream whose writes neither raise nor wait; of `target` None every line is lost.

    A reader that is slow (a pipe that is full) is not waited for: up to 1 MiB stays in memory and follows with a later line. A write may
    begin in the midst of another on the same thread, since destructors log and run anywhere: its line waits for the other.
    """

    def __init__(self, target: TextIO | None) -> None:
        self._target = target
        self._descriptor = _descriptor(target)
        self._is_file = self._descriptor is not None and stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._waiting = bytearray()
        self._lock = threading.RLock()
        self._is_writing = False
        self._room = select.poll()
        if self._descriptor is not None:
            self._room.register(self._descriptor, select.POLLOUT)

    def write(self, text: str) -> None:
        """Take one or more whole lines."""
        self.take(text.encode(errors="backslashreplace"))

    def take(self, lines: bytes) -> None:
        """The same, encoded."""
        lost = 0
        with self._lock:
            try:
                self._write(lines)
            except (OSError, ValueError):
                lost = self._waiting.count(b"\n") or lines.count(b"\n")
                self._waiting.clear()
        if lost:
            _count(lost)

    def flush(self) -> None:
        """Nothing to do: what can be written has been."""

    def _write(self, lines: bytes) -> None:
        """Raises OSError, ValueError."""
        if self._descriptor is None:
            if self._target is None:
                raise ValueError("there is no such stream")
            self._target.write(lines.decode())
            return
        if self._is_file and not (self._waiting or self._is_writing):
            written = os.write(self._descriptor, lines)  # all, unless the disk is full
            lines = lines[written:]
            if not lines:
                return
        self._waiting += lines
        if self._is_writing:
            return
        self._is_writing = True
        try:
            # A pipe that says it is writable takes this much in one go: the write does not wait.
            while self._waiting and self._room.poll(0):
                del self._waiting[: os.write(self._descriptor, self._waiting[: select.PIPE_BUF])]
        finally:
            self._is_writing = False
        if len(self._waiting) > WAITING_BYTES:
            raise BlockingIOError("nobody reads")


def _count(lost: int) -> None:
    from apps.analytics import metrics  # late: a process without metrics of its own has lines to lose too

    metrics.log_lines_lost(lost)


def _descriptor(target: TextIO | None) -> int | None:
    """Where `target` writes to; None where that is no file of the system's (a test's capture)."""
    try:
        return None if target is None else target.fileno()
    except (OSError, ValueError):
        return None


class SafeHandler(logging.StreamHandler[Any]):
    """The standard library's lines; one that cannot be rendered is counted instead of explained on stderr."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        _count(1)


def _safe(level: int) -> type[structlog.typing.FilteringBoundLogger]:
    """The bound logger of `level`, whose calls never raise: a value that cannot be rendered costs its line, not the request."""
    base: Any = structlog.make_filtering_bound_logger(level)

    class Safe(base):  # type: ignore[misc]  # structlog makes the class at run time
        def _proxy_to_logger(self, *args: Any, **fields: Any) -> None:
            try:
                super()._proxy_to_logger(*args, **fields)
            except Exception:  # noqa: BLE001 - logging is the last place to tell anybody
                _count(1)

    return Safe


def _dumps(event: MutableMapping[str, Any], **_: Any) -> str:
    return _encoded(event).decode()


def _encoded(event: MutableMapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(event, default=str)
    except TypeError:  # a number beyond 64 bits, half a surrogate pair: rare, and worth its line
        return json.dumps(event, default=str, skipkeys=True).encode()


def _json_line(logger: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
    """All that `shared` and a renderer make of an event, in one step: a line of each request is on its way."""
    structlog.contextvars.merge_contextvars(logger, level, event)
    event["level"] = LEVEL_NAMES.get(level, level)
    event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    _with_worker(logger, level, event)
    if "exc_info" in event:
        frames_of_exception(logger, level, event)
    return _encoded(event)


class _Lines:
    """Where structlog's loggers write. Each of its methods is a level's."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream
        self.debug = self.info = self.warning = self.error = self.critical = self.exception = self._take

    def _take(self, line: bytes | str) -> None:
        encoded = line if isinstance(line, bytes) else line.encode(errors="backslashreplace")
        self._stream.take(encoded + b"\n")


def _with_worker(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Which of several web processes says it."""
    if number := worker.number():
        event.setdefault("worker", number)
    return event


def configure(level: str, style: str) -> None:
    """Send structlog and the standard library to stderr. `level`: a key of LEVELS. `style`: one of FORMATS."""
    stream = LogStream(sys.stderr)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_worker,
    ]
    renderer: structlog.typing.Processor
    processors: list[structlog.typing.Processor]
    if style == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_dumps)
        processors = [_json_line]
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr is not None and sys.stderr.isatty())
        processors = [*shared, frames_of_exception, renderer]
    lines = _Lines(stream)
    structlog.configure(
        processors=processors,
        wrapper_class=_safe(LEVELS[level]),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = SafeHandler(cast(Any, stream))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.ExtraAdder(),
                structlog.stdlib.add_logger_name,
                of_libraries,
                *shared,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                frames_of_exception,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    logging.captureWarnings(True)  # those of libraries are several lines of bare text otherwise
    for noisy in ("uvicorn.access", "httpx", "httpcore", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
