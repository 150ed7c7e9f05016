"""A streamed answer as Google writes it."""

from apps.core.json_types import JSONObject
from apps.gateway.answering.chunks import ChunkStream
from apps.gateway.answering.stream import StreamForm
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.gemini.members import closing_members, members
from apps.gateway.endpoints.gemini.wire.frames import FrameWriter
from apps.gateway.endpoints.gemini.wire.framing import Framing
from apps.gateway.endpoints.gemini.wire.request import Asked
from apps.gateway.wire import gemini_errors
from apps.gateway.wire.errors import ApiError


class ContentForm(StreamForm):
    """`last`: more members of the last frame."""

    def __init__(self, request_id: str, asked: Asked, framing: Framing, last: JSONObject) -> None:
        self._request_id = request_id
        self._asked = asked
        self._framing = framing
        self._last = last
        self.media_type = framing.media_type

    def waiting(self) -> bytes:
        return self._framing.quiet()

    def writer(self, served: Served[ChunkStream]) -> FrameWriter:
        return FrameWriter(
            members(served, self._asked.model),
            self._framing,
            lambda: {**closing_members(served), **self._last},
            shows_thinking=self._asked.shows_thinking,
        )

    def error(self, error: ApiError) -> bytes:
        return self._framing.frame(gemini_errors.in_stream(error, self._request_id)) + self._framing.end()
