"""What the streams of all wires have in common: bytes come in, events or one whole answer come out."""

from abc import ABC, abstractmethod
from typing import ClassVar

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sse import MAX_EVENT_BYTES, Event, EventTooLargeError, SSEParser
from apps.providers.types import ChatChunk, Offer

from .payloads import beginning

MAX_MALFORMED = 5


class FrameReader(ABC):
    """Base of the wires' streams (see `ChatStream`). Also takes a whole answer that an upstream sends although asked
    to stream, and refuses HTML.

    A wire says what events and a whole answer mean, and when an answer is complete. For each event it sets
    `_malformed` back to 0 or calls `_count_malformed`.
    """

    # How a body begins that is an answer (or an error) and no events.
    whole_starts: ClassVar[tuple[bytes, ...]] = (b"{", b"[")

    def __init__(self, offer: Offer) -> None:
        self.done = False
        self._offer = offer
        self._events = SSEParser()
        self._whole: bytearray | None = None
        self._begun = False
        self._malformed = 0

    def feed(self, data: bytes) -> list[ChatChunk]:
        """The chunks that `data` completes. Raises UpstreamError: PARSING, or what an error frame is classified
        as."""
        if not self._begun:
            self._begin(data)
        if self._whole is not None:
            self._whole += data
            if len(self._whole) > MAX_EVENT_BYTES:
                raise UpstreamError(ErrorKind.PARSING, f"an answer is larger than {MAX_EVENT_BYTES} bytes")
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
        return chunks

    @abstractmethod
    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        """What `events` say."""

    @abstractmethod
    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        """What a whole answer in place of events says."""

    @abstractmethod
    def _is_complete(self) -> bool:
        """At the end of the body: whether the answer is whole."""

    def _begin(self, data: bytes) -> None:
        """Look at the first byte: JSON or HTML instead of events is told by it."""
        start = data.lstrip()[:1]
        self._begun = bool(start)
        if start == b"<":
            message = f"the upstream sent HTML instead of a stream: {beginning(data, self._offer)}"
            raise UpstreamError(ErrorKind.PARSING, message)
        if start in self.whole_starts:
            self._whole = bytearray()

    def _count_malformed(self) -> None:
        """Raises UpstreamError(PARSING) for too many in a row: what comes is not this wire's stream."""
        self._malformed += 1
        if self._malformed >= MAX_MALFORMED:
            message = f"the upstream sent {MAX_MALFORMED} malformed frames in a row"
            raise UpstreamError(ErrorKind.PARSING, message)
