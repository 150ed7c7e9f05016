"""An incremental parser of server-sent events (HTML Living Standard, § 9.2), fed bytes in any split.

What upstreams send in practice is `data: {…}` and a blank line, one or a few events a read: that is the fast
path. CRLF, CR, comments, `event:` lines, multi-line data, a byte order mark and reads that end anywhere,
inside a character too, are all accepted.
"""

import re

from msgspec import Struct

MAX_EVENT_BYTES = 8 * 1024 * 1024
MAX_EVENT_LINES = 50_000  # each is looked at by itself
BOM = b"\xef\xbb\xbf"
LINE = re.compile(rb"$|:|[A-Za-z][\w-]*(?:$|:)")  # a comment, or a field with or without a value
PADDING = b" \t\0" + BOM
COMMENT_OR_OTHER = (b"", b"id", b"retry")


class Event(Struct, frozen=True, gc=False):
    """One dispatched event: its data as UTF-8 bytes, lines joined by LF, and the `event:` name, "" where none
    was given."""

    data: bytes
    name: str = ""


class EventTooLargeError(ValueError):
    """One event is larger than the parser's limit, or has more lines."""


class SSEParser:
    """Stateful; one per response body. The same bytes give the same events, however they are split."""

    __slots__ = ("_after_cr", "_head", "_max_bytes", "_rest", "_started")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_event_bytes
        self._rest = bytearray()
        self._head = b""
        self._started = False
        self._after_cr = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises EventTooLargeError."""
        if not self._started:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        rest = self._rest
        if rest:
            if b"\n\n" not in data and not (data.startswith(b"\n") and rest.endswith(b"\n")):
                rest += data
                self._check(len(rest))
                return []
            data = bytes(rest) + data
            rest.clear()
        blocks = data.split(b"\n\n")
        rest += blocks.pop()
        if len(data) > self._max_bytes:
            self._check(max(len(rest), *map(len, blocks)) if blocks else len(rest))
        events = []
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(Event(block[6:]))
            elif (event := read_block(block)) is not None:
                events.append(event)
        return events

    def flush(self) -> list[Event]:
        """The last event, whose blank line many upstreams omit. Raises EventTooLargeError."""
        event = read_block(bytes(self._rest))
        self._rest.clear()
        return [] if event is None else [event]

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise EventTooLargeError(f"an event is larger than {self._max_bytes} bytes")

    def _without_bom(self, data: bytes) -> bytes:
        """`data` without a leading byte order mark; b"" while it may still become one."""
        data = self._head + data
        if len(data) < len(BOM) and BOM.startswith(data):
            self._head = data
            return b""
        self._started = True
        self._head = b""
        return data.removeprefix(BOM)

    def _with_lf(self, data: bytes) -> bytes:
        """`data` with every line end as LF.

        A CR at the end counts at once, so that no event waits for the next read; its LF is skipped then.
        """
        if not data:
            return data
        ended_in_cr = data.endswith(b"\r")
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = ended_in_cr
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def read_block(block: bytes) -> Event | None:
    """The event that the lines of one block make; None without a data line (comments, `retry:`, `event:`
    alone). Beyond the standard: fields in other spellings (see `_oddly_spelt`), JSON without `data:` is data, and so is what cannot be
    another line, such as the rest of a text with a raw line end in it, which may look like a field. Raises EventTooLargeError."""
    if block.count(b"\n") > MAX_EVENT_LINES:
        raise EventTooLargeError(f"an event has more than {MAX_EVENT_LINES} lines")
    lines = _Lines()
    name = ""
    data = b"data"
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field in (data, b"data"):
            lines.add(value.removeprefix(b" "))
        elif lines.is_open and not line.startswith(b":"):
            lines.add(line)
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
        elif (lines.all and not LINE.match(line)) or line.startswith((b"{", b"[")):
            lines.add(line)
        elif not lines.all and (meant := _oddly_spelt(field, value)):
            if meant == b"event":
                name = value.strip().decode("utf-8", "replace")
            else:
                data = field
                lines.add(value.removeprefix(b" "))
    return Event(b"\n".join(lines.all), name) if lines.all else None


class _Lines:
    """The lines of an event's data. `is_open`: JSON has begun that does not end with the last of them. Each is looked at once: an event
    may have a million, and one of megabytes among them."""

    __slots__ = ("_are_json", "all", "is_open")

    def __init__(self) -> None:
        self.all: list[bytes] = []
        self.is_open = False
        self._are_json = False

    def add(self, line: bytes) -> None:
        if not self.all:
            self._are_json = line.lstrip().startswith((b"{", b"["))
        self.all.append(line)
        self.is_open = self._are_json and not line.rstrip().endswith((b"}", b"]"))


def _oddly_spelt(field: bytes, value: bytes) -> bytes:
    """b"data" or b"event" for `DATA`, ` data`, `data ` and the like, and b"data" for an unknown field with JSON in it; b"" for others.

    Only before the first line of data: behind it, such a line may be the rest of a text.
    """
    meant = field.strip(PADDING).lower()
    if meant in (b"data", b"event"):
        return meant
    return b"data" if meant not in COMMENT_OR_OTHER and value.lstrip().startswith((b"{", b"[")) else b""
