"""What the streams of all wires have in common: bytes come in, events or one whole answer come out."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

import orjson

from apps.core.json_bounds import MAX_DEPTH, holds_more_values, is_json, nests_deeper
from apps.core.json_types import JSONArray
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sse import BOM, MAX_EVENT_BYTES, Event, EventTooLargeError, SSEParser
from apps.providers.types import ChatChunk, Offer

from .lenient import read_values
from .missed import is_missed, lost
from .payloads import beginning, key_of, without_key

MAX_MALFORMED = 5
ANY_NUMBER = 1 << 30
MAX_EVENT_VALUES = 100_000
MAX_WHOLE_VALUES = 1_000_000
ALWAYS_TRIED = 64 * 1024
"""Bytes up to which a whole answer may be complete with each part that comes; beyond them, each time that it has grown by a quarter:
reading it all once more for each part would cost the square of its length."""


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
        self._key = key_of(offer)
        self._events = SSEParser()
        self._head: bytes | None = b""
        self._whole: bytearray | None = None
        self._tried_from = 0
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
        return self._read_bounded(lambda: self._events.feed(data))

    def finish(self) -> list[ChatChunk]:
        """What the end of the body completes. Raises UpstreamError: NETWORK when the answer was cut short, and what
        `feed` raises."""
        if self._whole is None:
            chunks = self._read_bounded(self._events.flush)
        else:
            whole = bytes(self._whole)
            _refuse_much(whole, MAX_WHOLE_VALUES)
            chunks = self._read_whole(whole)
        if not self._is_complete():
            raise UpstreamError(ErrorKind.NETWORK, "the upstream's stream was cut before its end")
        self._give_up()
        return chunks + self._closing()

    def break_off(self) -> list[ChatChunk]:
        """The same where the body broke off behind an answer that was `finished`: what came of a further event is left alone."""
        if self._whole is not None:
            return self.finish()
        return self._closing()

    def _read_bounded(self, parse: Callable[[], list[Event]]) -> list[ChatChunk]:
        """What events say, each looked at before it is decoded, and without the offer's key. Raises UpstreamError."""
        key = self._key
        try:
            events = parse()
        except EventTooLargeError as exc:
            raise UpstreamError(ErrorKind.PARSING, str(exc)) from exc
        for at, event in enumerate(events):
            if len(event.data) > MAX_DEPTH:
                _refuse_much(event.data, MAX_EVENT_VALUES)
            if key and key in event.data:
                events[at] = Event(without_key(event.data, key), event.name)
        return self._read_events(events)

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
        if len(values) == 1 and type(values[0]) is dict:
            return values
        items = _flat(_flat(values))
        if values and not items:
            self._skip(data)
        return items

    def _skip(self, data: bytes) -> None:
        """Leave a frame out that nobody can make sense of. Raises UpstreamError(PARSING): for one that has something of the answer in it,
        and for too many in a row, since then what comes is not this wire's stream."""
        if is_missed(data):
            raise lost()
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
        """Look at the first byte: JSON or HTML instead of events is told by it. b"" while there is none. What is before it is dropped, or
        blanks without end would be looked at once more with each read."""
        self._head = ((self._head or b"") + data).lstrip().removeprefix(BOM).lstrip()
        if BOM.startswith(self._head):
            return b""
        start = self._head[:1]
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
        if data.rstrip()[-1:] in (b"}", b"]") and len(whole) >= self._tried_from:
            if is_json(whole):
                self.finished = ANY_NUMBER
            elif len(whole) > ALWAYS_TRIED:
                self._tried_from = len(whole) + len(whole) // 4

    def _count_malformed(self) -> None:
        """Raises UpstreamError(PARSING) for too many in a row."""
        self._malformed += 1
        if self._malformed >= MAX_MALFORMED:
            message = f"the upstream sent {MAX_MALFORMED} malformed frames in a row"
            raise UpstreamError(ErrorKind.PARSING, message)


def _refuse_much(body: bytes, most: int) -> None:
    """Raises UpstreamError for a text that would be too much to decode."""
    if holds_more_values(body, most):
        raise UpstreamError(ErrorKind.PARSING, f"a part of the answer holds more than {most} JSON values")
    if nests_deeper(body):
        raise UpstreamError(ErrorKind.PARSING, f"a part of the answer nests deeper than {MAX_DEPTH} levels")


def _flat(values: JSONArray) -> JSONArray:
    """`values` with the items of lists one by one, and what is in those of JSON that are encoded once more, as a text."""
    items: JSONArray = []
    for value in values:
        inner = _encoded_values(value) if isinstance(value, str) else [value]
        items += [item for one in inner for item in (one if isinstance(one, list) else [one])]
    return items


def _encoded_values(text: str) -> JSONArray:
    if text.lstrip().startswith(("{", "[")):
        data = text.encode()
        _refuse_much(data, MAX_EVENT_VALUES)
        with suppress(ValueError):
            return read_values(data)
    return [text]
