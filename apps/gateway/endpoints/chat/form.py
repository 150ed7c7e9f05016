"""A streamed chat completion as OpenAI writes it."""

from apps.core.json_types import JSONObject
from apps.gateway.answering.chunks import ChunkStream
from apps.gateway.answering.stream import StreamForm
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.chat.members import closing_members, members
from apps.gateway.endpoints.chat.wire.response import FrameWriter
from apps.gateway.wire import errors
from apps.gateway.wire.errors import ApiError
from apps.providers.types import ChatRequest


class ChatForm(StreamForm):
    """Of the answer to `chat`. `last`: more members of the last data frame."""

    def __init__(self, chat: ChatRequest, last: JSONObject) -> None:
        self._include_usage = chat.include_usage
        self._last = last

    def writer(self, served: Served[ChunkStream]) -> FrameWriter:
        return FrameWriter(
            members(served),
            lambda: {**closing_members(served), **self._last},
            include_usage=self._include_usage,
        )

    def error(self, error: ApiError) -> bytes:
        return errors.frame(error)
