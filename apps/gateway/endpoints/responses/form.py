"""An answer as the Responses API writes it, whole and streamed, and the keeping of it."""

from functools import partial
from typing import Any

from apps.core.json_types import JSONObject
from apps.gateway.answering.chunks import ChunkStream
from apps.gateway.answering.operation import WholeAnswer
from apps.gateway.answering.stream import StreamForm
from apps.gateway.attempts.calls import Call
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.responses.members import closing_members, members, unserved_members
from apps.gateway.endpoints.responses.memory import Memory
from apps.gateway.endpoints.responses.wire.answer import Showing
from apps.gateway.endpoints.responses.wire.events import EventWriter, Finish
from apps.gateway.endpoints.responses.wire.request import Asked
from apps.gateway.wire.errors import ApiError
from apps.providers.types import ChatRequest

LEFT_OUT = "freeai_dropped"
MOST_CHARS = 512
"""Of a value of `metadata`."""


class ResponseForm(StreamForm):
    """Of the answer to one request. `last`: more members of the whole object."""

    def __init__(self, asked: Asked, call: Call[ChatRequest], memory: Memory, last: JSONObject) -> None:
        self._asked = asked
        self._call = call
        self._memory = memory
        self._last = last
        self._writer: EventWriter | None = None

    def whole(self, served: Served[WholeAnswer]) -> JSONObject:
        """The object of an answer in one piece."""
        writer = self._made(members(served, self._asked.model), partial(self._finish, served))
        return writer.whole(served.answer.result, served.answer.usage)

    def writer(self, served: Served[ChunkStream]) -> EventWriter:
        self._writer = self._made(members(served, self._asked.model), partial(self._finish, served))
        return self._writer

    def error(self, error: ApiError) -> bytes:
        """The end of an answer that broke off, or of one that never began."""
        if self._writer is None:
            self._writer = self._made(unserved_members(self._call, self._asked.model), _as_it_is)
        return self._writer.failed(error)

    async def left_behind(self) -> None:
        """Until a later request finds the answer."""
        await self._memory.kept()

    def _made(self, own: JSONObject, finish: Finish) -> EventWriter:
        asked = self._asked
        showing = Showing(
            answer_id=own["id"].partition("_")[2],
            declared=asked.declared,
            shows_thinking=asked.shows_thinking,
            seals_thinking=asked.seals_thinking,
            seal=self._memory.sealed,
        )
        return EventWriter(self._echo() | own | {"store": asked.conversation is not None}, showing, finish)

    def _echo(self) -> JSONObject:
        """What the answer repeats, with a note of what it was made without."""
        echo = self._asked.echo
        if not self._asked.ignored:
            return echo
        note = {LEFT_OUT: ", ".join(self._asked.ignored)[:MOST_CHARS]}
        return echo | {"metadata": {**echo["metadata"], **note}}

    def _finish(self, served: Served[Any], ended: JSONObject, kept: list[JSONObject]) -> JSONObject:
        whole = ended | closing_members(served)
        conversation = self._asked.conversation
        if conversation is not None and not self._memory.keep(whole, conversation, kept):
            whole["store"] = False
        return whole | self._last


def _as_it_is(ended: JSONObject, _: list[JSONObject]) -> JSONObject:
    return ended
