"""A file of lines that an export writes: under another name until it is whole, and gone on with where a killed one stopped."""

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from apps.analytics.export.lines import Lines

CHUNK: Final = 65_536
LONGEST_LINE: Final = 16 * 1024 * 1024


class NotOursError(Exception):
    """A file that no export wrote. The message is a sentence."""


class LineFile:
    """`path`, once `finish` was called. Until then the lines are in a file beside it whose name tells what is exported (`what`), so that
    only the same export goes on with it.

    `after`: the last event that is there already. What a kill left of half a line is cut off.
    """

    def __init__(self, path: Path, lines: Lines, what: str) -> None:
        """Raises OSError, NotOursError, and FileExistsError where `path` is there already."""
        if path.exists():
            raise FileExistsError(f"{path} is there already.")
        digest = sha256(what.encode()).hexdigest()[:12]
        self.part = path.with_name(f"{path.name}.{digest}.part")
        self._path = path
        self._lines = lines
        self._file = self.part.open("a+b")
        try:
            self.after = self._last()
        except BaseException:
            self._file.close()
            raise
        if not self._size():
            self._file.write(lines.head)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, lines: Iterable[bytes]) -> None:
        """Raises OSError."""
        self._file.writelines(lines)
        self._file.flush()

    def finish(self) -> None:
        """Give it its name, now that all is on disk. Raises OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.part.rename(self._path)

    def _size(self) -> int:
        return self._file.seek(0, os.SEEK_END)

    def _last(self) -> UUID | None:
        """The id in the last whole line; what is behind it is cut off."""
        line, end = self._last_line()
        self._file.truncate(end)
        if line is None or line == self._lines.head:
            return None
        try:
            return self._lines.identity(line)
        except ValueError:
            raise NotOursError(f"{self.part} was not written by an export. Move it away.") from None

    def _last_line(self) -> tuple[bytes | None, int]:
        """It, and where it ends; None and 0 where there is none."""
        position, tail = self._size(), b""
        while position and len(tail) < LONGEST_LINE:
            step = min(CHUNK, position)
            position -= step
            self._file.seek(position)
            tail = self._file.read(step) + tail
            last = tail.rfind(b"\n")
            before = tail.rfind(b"\n", 0, last) if last > 0 else -1
            if before >= 0 or (last >= 0 and not position):
                return tail[before + 1 : last + 1], position + last + 1
        if position:
            raise NotOursError(f"{self.part} was not written by an export. Move it away.")
        return None, 0
