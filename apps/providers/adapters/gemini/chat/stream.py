"""Streamed answers of Gemini: server-sent events, each a whole GenerateContentResponse with what is new."""

import orjson

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.frames import FrameReader
from apps.providers.sse import Event
from apps.providers.types import ChatChunk, Offer

from .response import AnswerReader, load_frames


class GeminiStream(FrameReader):
    """Reads one streamed answer (see `ChatStream`). JSON in place of events is an error, or the array that the
    endpoint sends without alt=sse.

    Gemini sends no end mark, and nothing in a stream tells how many candidates are still to come: the answer is
    `done` only when the body has ended and every candidate had its finish reason.
    """

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        self._reader = AnswerReader(offer)

    def finish(self) -> list[ChatChunk]:
        """What the end of the body completes. Raises UpstreamError: NETWORK for a candidate without a finish
        reason, SERVER_ERROR where the model failed before it said anything."""
        chunks = super().finish()
        self._reader.check()
        self.done = True
        return chunks

    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        return [chunk for event in events for chunk in self._read_frames(self._frames_of(event))]

    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        return self._read_frames(load_frames(body, self._offer))

    def _is_complete(self) -> bool:
        return self._reader.is_complete

    def _read_frames(self, frames: list[JSONObject]) -> list[ChatChunk]:
        return [chunk for frame in frames if (chunk := self._reader.read(frame)) is not None]

    def _frames_of(self, event: Event) -> list[JSONObject]:
        """The answer objects of an event: one, an array of them, or none if it is malformed."""
        try:
            payload = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            payload = None
        frames = payload if isinstance(payload, list) else [payload]
        if frames and all(isinstance(frame, dict) for frame in frames):
            self._malformed = 0
            return frames
        self._count_malformed()
        return []
