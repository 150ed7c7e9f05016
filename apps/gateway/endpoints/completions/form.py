"""A streamed completion as OpenAI wrote them before chat."""

from apps.core.json_types import JSONObject
from apps.gateway.answering.chunks import ChunkStream
from apps.gateway.answering.operation import answers_of
from apps.gateway.answering.stream import StreamForm
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.completions.members import closing_members, members
from apps.gateway.endpoints.completions.wire.request import Asked
from apps.gateway.endpoints.completions.wire.response import FrameWriter
from apps.gateway.wire import errors
from apps.gateway.wire.errors import ApiError


class CompletionForm(StreamForm):
    """Of the answer to the one prompt of `asked`. `last`: more members of the last data frame."""

    def __init__(self, asked: Asked, last: JSONObject) -> None:
        self._chat = asked.chats[0]
        self._echo = asked.prompts[0] if asked.is_echoed else ""
        self._last = last

    def writer(self, served: Served[ChunkStream]) -> FrameWriter:
        return FrameWriter(
            members(served),
            lambda: {**closing_members(served), **self._last},
            include_usage=self._chat.include_usage,
            echo=self._echo,
            answers=answers_of(self._chat),
        )

    def error(self, error: ApiError) -> bytes:
        return errors.frame(error)
