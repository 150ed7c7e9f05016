"""Streamed answers of Gemini: server-sent events, each a whole GenerateContentResponse with what is new."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.frames import FrameReader
from apps.providers.sse import Event
from apps.providers.types import ChatChunk, Offer

from .fields import unwrapped
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

    def _closing(self) -> list[ChatChunk]:
        """Raises UpstreamError(SERVER_ERROR) where the model failed before it said anything."""
        self._reader.check()
        self.done = True
        return []

    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        return [chunk for event in events for chunk in self._read_frames(self._frames_of(event))]

    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        return self._read_frames(load_frames(body, self._offer))

    def _is_complete(self) -> bool:
        return self._reader.is_complete

    def _read_frames(self, frames: list[JSONObject]) -> list[ChatChunk]:
        chunks = [chunk for frame in frames if (chunk := self._reader.read(frame)) is not None]
        self.finished = self._reader.finished
        return chunks

    def _frames_of(self, event: Event) -> list[JSONObject]:
        """The answer objects of an event: one, an array of them, or none if it is malformed."""
        if not event.data.strip():
            return []
        frames = [unwrapped(frame) for frame in self._values(event.data)]
        if frames and all(isinstance(frame, dict) for frame in frames):
            self._malformed = 0
            return frames
        if frames:
            self._skip(event.data)
        return []
