"""A streamed answer as Ollama writes it: one object a line."""

from apps.core import clock
from apps.core.json_types import JSONObject
from apps.gateway.answering.chunks import ChunkStream
from apps.gateway.answering.stream import StreamForm
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.ollama.members import closing_members, members
from apps.gateway.endpoints.ollama.wire.request import Asked
from apps.gateway.endpoints.ollama.wire.response import LINES, LineWriter, Way, created, line, said
from apps.gateway.wire import ollama_errors
from apps.gateway.wire.errors import ApiError


class LineForm(StreamForm):
    """`way`: which of the two ways to ask a model. `last`: more members of the last line."""

    media_type = LINES

    def __init__(self, way: Way, asked: Asked, last: JSONObject) -> None:
        self._way = way
        self._asked = asked
        self._last = last

    def waiting(self) -> bytes:
        """A line that says nothing: there are no comments between lines."""
        head = {"model": self._asked.model, "created_at": created(clock.now())}
        return line({**head, **said(self._way, ""), "done": False})

    def writer(self, served: Served[ChunkStream]) -> LineWriter:
        return LineWriter(
            self._way,
            members(served, self._asked.model),
            lambda: {**closing_members(served), **self._last},
            shows_thinking=self._asked.shows_thinking,
        )

    def error(self, error: ApiError) -> bytes:
        return line(ollama_errors.in_stream(error))
