"""Streamed answers of Gemini: server-sent events, each a whole GenerateContentResponse with what is new."""

from typing import Any

import orjson

from apps.core.redaction import scrub
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sse import MAX_EVENT_BYTES, Event, EventTooLargeError, SSEParser
from apps.providers.types import ChatChunk, Offer

from .response import AnswerReader, load_frames

MAX_MALFORMED = 5


class GeminiStream:
    """Reads one streamed answer (see `ChatStream`). Also takes JSON in place of events: an error, or the array that
    the endpoint sends without alt=sse.

    Gemini sends no end mark, and nothing in a stream tells how many candidates are still to come: the answer is
    `done` only when the body has ended and every candidate had its finish reason.
    """

    def __init__(self, offer: Offer) -> None:
        self.done = False
        self._offer = offer
        self._events = SSEParser()
        self._reader = AnswerReader(offer)
        self._document: bytearray | None = None
        self._begun = False
        self._malformed = 0

    def feed(self, data: bytes) -> list[ChatChunk]:
        """The chunks that `data` completes. Raises UpstreamError: PARSING, or what an error frame is classified
        as."""
        if not self._begun:
            self._begin(data)
        if self._document is not None:
            self._document += data
            if len(self._document) > MAX_EVENT_BYTES:
                raise UpstreamError(ErrorKind.PARSING, "the upstream's answer is too large")
            return []
        try:
            return self._read_all(self._events.feed(data))
        except EventTooLargeError as exc:
            raise UpstreamError(ErrorKind.PARSING, str(exc)) from exc

    def finish(self) -> list[ChatChunk]:
        """What the end of the body completes. Raises UpstreamError: NETWORK for a candidate without a finish
        reason, SERVER_ERROR where the model failed before it said anything."""
        if self._document is None:
            chunks = self._read_all(self._events.flush())
        else:
            chunks = self._read_frames(load_frames(bytes(self._document), self._offer))
        if not self._reader.is_complete:
            raise UpstreamError(ErrorKind.NETWORK, "the upstream's stream was cut before its end")
        self._reader.check()
        self.done = True
        return chunks

    def _begin(self, data: bytes) -> None:
        """Look at the first byte: JSON or HTML instead of events is told by it."""
        start = data.lstrip()[:1]
        self._begun = bool(start)
        if start == b"<":
            shown = scrub(data[:200].decode("utf-8", "replace"), self._offer.api_key)
            raise UpstreamError(ErrorKind.PARSING, f"the upstream sent HTML instead of a stream: {shown}")
        if start in (b"{", b"["):
            self._document = bytearray()

    def _read_all(self, events: list[Event]) -> list[ChatChunk]:
        return [chunk for event in events for chunk in self._read_frames(self._frames_of(event))]

    def _read_frames(self, frames: list[dict[str, Any]]) -> list[ChatChunk]:
        return [chunk for frame in frames if (chunk := self._reader.read(frame)) is not None]

    def _frames_of(self, event: Event) -> list[dict[str, Any]]:
        """The answer objects of an event: one, an array of them, or none if it is malformed."""
        try:
            payload = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            payload = None
        frames = payload if isinstance(payload, list) else [payload]
        if frames and all(isinstance(frame, dict) for frame in frames):
            self._malformed = 0
            return frames
        self._malformed += 1
        if self._malformed >= MAX_MALFORMED:
            raise UpstreamError(
                ErrorKind.PARSING, f"the upstream sent {MAX_MALFORMED} malformed frames in a row"
            )
        return []
