"""A streamed message as Anthropic writes it."""

from apps.core.json_types import JSONObject
from apps.gateway.answering.chunks import ChunkStream
from apps.gateway.answering.stream import StreamForm
from apps.gateway.attempts.dispatch import Served
from apps.gateway.endpoints.messages.members import closing_members, members
from apps.gateway.endpoints.messages.wire.events import EventWriter
from apps.gateway.wire import messages_errors
from apps.gateway.wire.errors import ApiError


class MessageForm(StreamForm):
    """`model`: as the client named it. `shown_to`: the user who is shown what the model thought; None leaves it out. `last`: more members
    of `message_delta`."""

    def __init__(self, request_id: str, model: str | None, shown_to: int | None, last: JSONObject) -> None:
        self._request_id = request_id
        self._model = model
        self._shown_to = shown_to
        self._last = last

    def writer(self, served: Served[ChunkStream]) -> EventWriter:
        return EventWriter(
            members(served, self._model),
            served.attempt.call.demand.prompt_tokens,
            self._shown_to,
            lambda: {**closing_members(served), **self._last},
        )

    def error(self, error: ApiError) -> bytes:
        return messages_errors.frame(error, self._request_id)
