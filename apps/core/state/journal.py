"""The blocks of a single process, and what refusals taught of its windows, on disk: what a spent day or a refused key closed stays closed
after a restart, a kill included.

One line for each block that begins, and one where it is lifted before its time. They are few, and each is written as it comes, with one
`write(2)`: what was refused a moment before a kill must not be asked again.
"""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from apps.core.state.contract import Block
from apps.core.state.lesson import Lesson
from apps.core.state.lessons import is_kept

log = structlog.get_logger("freeai.state")

MIN_LENGTH_S = 5.0
"""What ends within the time of a restart is not worth a line."""
MAX_LINES = 10_000


class _Line(Struct, omit_defaults=True):
    """A block that begins, or what is known of a window now; with neither, `scope` is open again, or nothing is known of it."""

    scope: str
    block: Block | None = None
    lesson: Lesson | None = None

    def matters(self, now: float) -> bool:
        """Whether it is worth keeping."""
        if self.lesson is not None:
            return is_kept(self.lesson, now)
        return self.block is not None and self.block.remembered_until > now


class Journal:
    """Nothing is read or written before `open`. A disk that does not take a line costs that line, and one in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._lines = 0
        self._held: dict[str, _Line] = {}
        self._failing = False
        self._is_open = False

    def open(self, now: float) -> tuple[list[Block], list[Lesson]]:
        """The blocks that still hold or may come again, what was learnt, and a file with nothing but them. UTC epoch seconds."""
        self._is_open = True
        self._held = {}
        for line in self._read():
            self._held.pop(line.scope, None)
            if line.block is not None or line.lesson is not None:
                self._held[line.scope] = line
        self._rewrite(now)
        held = self._held.values()
        blocks = [line.block for line in held if line.block is not None]
        return blocks, [line.lesson for line in held if line.lesson is not None]

    def closed(self, block: Block, now: float) -> None:
        """A block begins."""
        if block.until - now >= MIN_LENGTH_S:
            self._append(_Line(block.scope, block), now)

    def learnt(self, lesson: Lesson, now: float) -> None:
        """A window admits something else now."""
        self._append(_Line(lesson.key, lesson=replace(lesson)), now)

    def opened(self, scope: str) -> None:
        """A block is lifted, or a lesson forgotten."""
        if self._held.pop(scope, None) is not None:
            self._append(_Line(scope), 0.0)

    def close(self) -> None:
        self._is_open = False
        self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self) -> Iterable[_Line]:
        """What a killed process left may end in half a line."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self._complain(error)
            return
        for line in raw.splitlines():
            try:
                yield msgspec.json.decode(line, type=_Line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                log.warning("state.journal_line_unreadable", path=str(self._path))

    def _append(self, line: _Line, now: float) -> None:
        if line.block is not None or line.lesson is not None:
            self._held[line.scope] = line
        if not self._is_open:
            return
        if self._file is None or self._lines >= MAX_LINES:
            self._rewrite(now)  # with what this line says in it
            return
        try:
            self._write(self._file, msgspec.json.encode(line) + b"\n")
        except OSError as error:
            self._complain(error)
            self._rewrite(now)
            return
        self._failing = False
        self._lines += 1

    @staticmethod
    def _write(file: int, data: bytes) -> None:
        """All of it. Raises OSError where a part has no room: what was written of a line is read as none."""
        if os.write(file, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rewrite(self, now: float) -> None:
        """Begin the file anew, whole or not at all. Where that fails, the next line tries again."""
        self._close_file()
        self._held = {scope: line for scope, line in self._held.items() if line.matters(now)}
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in self._held.values()))
            fresh.replace(self._path)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._complain(error)
            return
        self._failing = False
        self._lines = len(self._held)

    def _complain(self, error: OSError) -> None:
        """Once, until it works again."""
        if not self._failing:
            self._failing = True
            log.error("state.journal_failed", path=str(self._path), error=error.strerror)
