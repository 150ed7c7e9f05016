"""What the streams of all wires have in common: bytes come in, events or one whole answer come out."""

import re
from abc import ABC, abstractmethod
from typing import ClassVar

import orjson

from apps.core.json_types import JSONArray
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sse import BOM, MAX_EVENT_BYTES, Event, EventTooLargeError, SSEParser
from apps.providers.types import ChatChunk, Offer

from .lenient import read_values
from .payloads import beginning

MAX_MALFORMED = 5
ANY_NUMBER = 1 << 30
# What of an unreadable frame would be missed: text that has begun, a call, an error, or that the answer was cut.
MISSED = re.compile(
    rb'"(?:content|text|reasoning|reasoning_content|thinking|refusal|arguments|tool_plan)"\s*:\s*"[^"]'
    rb'|"(?:tool_calls|function_?[cC]all|args|arguments)"\s*:\s*[\[{]+\s*[^\]}\s]'
    rb'|"error"\s*:\s*["{]'
    rb'|"finish_?[rR]eason"\s*:\s*"(?!stop"|STOP")[^"]'
)


class FrameReader(ABC):
    """Base of the wires' streams (see `ChatStream`). Also takes a whole answer that an upstream sends although asked
    to stream, and refuses HTML.

    A wire says what events and a whole answer mean, and when an answer is complete. It gets the JSON of an event from `_values`, and
    sets `_malformed` back to 0 or calls `_skip` for each.
    """

    # How a body begins that is an answer (or an error) and no events.
    whole_starts: ClassVar[tuple[bytes, ...]] = (b"{", b"[")

    def __init__(self, offer: Offer) -> None:
        self.done = False
        self.finished = 0
        self.skipped = 0
        self._offer = offer
        self._events = SSEParser()
        self._head: bytes | None = b""
        self._whole: bytearray | None = None
        self._partial = b""
        self._malformed = 0

    def feed(self, data: bytes) -> list[ChatChunk]:
        """The chunks that `data` completes. Raises UpstreamError: PARSING, or what an error frame is classified
        as."""
        if self._head is not None:
            data = self._begin(data)
        if self._whole is not None:
            self._add(data)
            return []
        try:
            events = self._events.feed(data)
        except EventTooLargeError as exc:
            raise UpstreamError(ErrorKind.PARSING, str(exc)) from exc
        return self._read_events(events)

    def finish(self) -> list[ChatChunk]:
        """What the end of the body completes. Raises UpstreamError: NETWORK when the answer was cut short, and what
        `feed` raises."""
        if self._whole is None:
            chunks = self._read_events(self._events.flush())
        else:
            chunks = self._read_whole(bytes(self._whole))
        if not self._is_complete():
            raise UpstreamError(ErrorKind.NETWORK, "the upstream's stream was cut before its end")
        self._give_up()
        return chunks + self._closing()

    def break_off(self) -> list[ChatChunk]:
        """The same where the body broke off behind an answer that was `finished`: what came of a further event is left alone."""
        if self._whole is not None:
            return self.finish()
        return self._closing()

    @abstractmethod
    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        """What `events` say."""

    @abstractmethod
    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        """What a whole answer in place of events says."""

    @abstractmethod
    def _is_complete(self) -> bool:
        """At the end of the body: whether the answer is whole."""

    def _closing(self) -> list[ChatChunk]:
        """What is to be said when nothing more comes; may be asked for more than once."""
        return []

    def _values(self, data: bytes) -> JSONArray:
        """The JSON values of an event, the items of an array one by one. None while they are not complete, and for what cannot be
        read. Raises UpstreamError(PARSING) for an unreadable frame that has something of the answer in it."""
        try:
            values = [orjson.loads(data)]
            self._give_up()
        except orjson.JSONDecodeError:
            values = self._odd_values(data)
        if len(values) == 1 and type(values[0]) is not list:
            return values
        items = [item for value in values for item in (value if isinstance(value, list) else [value])]
        if values and not items:
            self._skip(data)
        return items

    def _skip(self, data: bytes) -> None:
        """Leave a frame out that nobody can make sense of. Raises UpstreamError(PARSING): for one that has something of the answer in it,
        and for too many in a row, since then what comes is not this wire's stream."""
        if MISSED.search(data):
            raise UpstreamError(
                ErrorKind.PARSING, "the upstream sent a part of its answer that cannot be read"
            )
        self.skipped += 1
        self._count_malformed()

    def _odd_values(self, data: bytes) -> JSONArray:
        """The values of an event that is not plain JSON: nearly JSON, the end of what was cut in two, or the beginning of that."""
        for text in (self._partial + data, data) if self._partial else (data,):
            try:
                values = read_values(text)
            except ValueError:
                continue
            if text is data:
                self._give_up()
            self._partial = b""
            return values
        if not data.lstrip().startswith((b"{", b"[")) and self._partial:
            self._partial += data
        elif data.lstrip().startswith((b"{", b"[")):
            self._give_up()
            self._partial = data
        else:
            self._skip(data)
            return []
        self._count_malformed()
        if len(self._partial) > MAX_EVENT_BYTES:
            raise UpstreamError(ErrorKind.PARSING, f"an event is larger than {MAX_EVENT_BYTES} bytes")
        return []

    def _give_up(self) -> None:
        """Nothing completes the frame that had begun."""
        if self._partial:
            partial, self._partial = self._partial, b""
            self._malformed -= 1  # it was counted when it came
            self._skip(partial)

    def _begin(self, data: bytes) -> bytes:
        """Look at the first byte: JSON or HTML instead of events is told by it. b"" while there is none."""
        self._head = (self._head or b"") + data
        start = self._head.lstrip()
        if BOM.startswith(start) or not (start := start.removeprefix(BOM).lstrip()[:1]):
            return b""
        if start == b"<":
            message = f"the upstream sent HTML instead of a stream: {beginning(self._head, self._offer)}"
            raise UpstreamError(ErrorKind.PARSING, message)
        if start in self.whole_starts:
            self._whole = bytearray()
        begun, self._head = self._head, None
        return begun

    def _add(self, data: bytes) -> None:
        """More of a whole answer, which is `finished` once it is JSON."""
        whole = self._whole
        if whole is None:
            return
        whole += data
        if len(whole) > MAX_EVENT_BYTES:
            raise UpstreamError(ErrorKind.PARSING, f"an answer is larger than {MAX_EVENT_BYTES} bytes")
        if data.rstrip()[-1:] in (b"}", b"]"):
            try:
                orjson.loads(whole)
            except orjson.JSONDecodeError:
                return
            self.finished = ANY_NUMBER

    def _count_malformed(self) -> None:
        """Raises UpstreamError(PARSING) for too many in a row."""
        self._malformed += 1
        if self._malformed >= MAX_MALFORMED:
            message = f"the upstream sent {MAX_MALFORMED} malformed frames in a row"
            raise UpstreamError(ErrorKind.PARSING, message)
