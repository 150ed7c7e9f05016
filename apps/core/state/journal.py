"""The blocks of a single process, on disk: what a spent day or a refused key closed stays closed after a restart, a kill included.

One line for each block that begins, and one where it is lifted before its time. They are few, and each is written as it comes, with one
`write(2)`: what was refused a moment before a kill must not be asked again.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from apps.core.state.contract import Block

log = structlog.get_logger("freeai.state")

MIN_LENGTH_S = 5.0
"""What ends within the time of a restart is not worth a line."""
MAX_LINES = 10_000


class _Line(Struct, omit_defaults=True):
    """A block that begins; without `block`, `scope` is open again."""

    scope: str
    block: Block | None = None


class Journal:
    """Nothing is read or written before `open`. A disk that does not take a line costs that line, and one in the log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._lines = 0
        self._held: dict[str, Block] = {}
        self._failing = False

    def open(self, now: float) -> list[Block]:
        """The blocks that still hold, and a file with nothing but them. UTC epoch seconds."""
        self._held = {}
        for line in self._read():
            if line.block is None:
                self._held.pop(line.scope, None)
            else:
                self._held[line.scope] = line.block
        self._rewrite(now)
        return list(self._held.values())

    def closed(self, block: Block, now: float) -> None:
        """A block begins."""
        if block.until - now >= MIN_LENGTH_S:
            self._held[block.scope] = block
            self._append(_Line(block.scope, block), now)

    def opened(self, scope: str) -> None:
        """A block is lifted."""
        if self._held.pop(scope, None) is not None:
            self._append(_Line(scope), 0.0)

    def close(self) -> None:
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
        if self._file is None:
            return
        try:
            os.write(self._file, msgspec.json.encode(line) + b"\n")
        except OSError as error:
            self._complain(error)
            return
        self._failing = False
        self._lines += 1
        if self._lines > MAX_LINES:
            self._rewrite(now)

    def _rewrite(self, now: float) -> None:
        """Begin the file anew, whole or not at all."""
        self.close()
        self._held = {scope: block for scope, block in self._held.items() if block.until > now}
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(
                b"".join(
                    msgspec.json.encode(_Line(scope, block)) + b"\n" for scope, block in self._held.items()
                )
            )
            fresh.replace(self._path)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._complain(error)
        self._lines = len(self._held)

    def _complain(self, error: OSError) -> None:
        """Once, until it works again."""
        if not self._failing:
            self._failing = True
            log.error("state.journal_failed", path=str(self._path), error=error.strerror)
