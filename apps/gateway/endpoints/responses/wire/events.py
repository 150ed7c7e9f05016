"""An answer's items -> numbered events: created, in progress, each item from its begin to its end, and how the answer ended.

Nothing is sent before there is content: fallback stays possible until then.
"""

from collections.abc import Callable
from typing import Any, Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire import response
from apps.gateway.endpoints.responses.wire.answer import Answer, Showing
from apps.gateway.endpoints.responses.wire.output import Event
from apps.gateway.wire.errors import ApiError
from apps.gateway.wire.events import COMMENT
from apps.providers.types import ChatChunk, ChatResult, Usage

FAILED: Final = "response.failed"

Finish = Callable[[JSONObject, list[JSONObject]], JSONObject]
"""What is done with the ended object and the items as a later turn needs them: the object to send."""


class EventWriter:
    """Renders one answer: `frames` for every batch of chunks, then `end` or `failed`, once.

    `members` as in `response.beginning`. `finish`: adds what is known at the end.
    """

    def __init__(self, members: JSONObject, showing: Showing, finish: Finish) -> None:
        self._begun = response.beginning(members)
        self._answer = Answer(showing)
        self._finish_with = finish
        self._number = 0
        self._finish: Any = None
        self.usage: Usage | None = None

    alive: Final = COMMENT

    @property
    def characters(self) -> int:
        """Of the answer so far."""
        return self._answer.characters

    def frames(self, chunks: list[ChatChunk]) -> bytes:
        """The events of these chunks, as one write."""
        out = self._opening()
        for chunk in chunks:
            if chunk.usage is not None:
                self.usage = chunk.usage
            for choice in chunk.choices:
                if choice["index"] == 0:
                    told = self._answer.take(choice["delta"], response.logprobs_of(choice))
                    out += map(self._event, told)
                    self._finish = choice["finish_reason"] or self._finish
        return b"".join(out)

    def end(self, usage: Usage) -> bytes:
        """The end of what is open, and of the answer."""
        out = self._opening()
        out += map(self._event, self._answer.finish(is_cut=self._finish in response.CUT))
        ended = self._ended(usage)
        out.append(self._event((f"response.{ended['status']}", {"response": ended})))
        return b"".join(out)

    def failed(self, error: ApiError) -> bytes:
        """The end of an answer that broke off: nothing that was open has an end of its own."""
        output = [item.item() for item in self._answer.items]
        body = response.failed(self._begun, output, error)
        return b"".join([*self._opening(), self._event((FAILED, {"response": body}))])

    def whole(self, result: ChatResult, usage: Usage) -> JSONObject:
        """The object of an answer in one piece."""
        choice = result.choices[0]
        self._finish = choice.get("finish_reason")
        for _ in self._answer.take(choice["message"], response.logprobs_of(choice)):
            pass
        for _ in self._answer.finish(is_cut=self._finish in response.CUT):
            pass
        return self._ended(usage)

    def _ended(self, usage: Usage) -> JSONObject:
        items = self._answer.items
        ended = response.ended(self._begun, [item.item() for item in items], self._finish, usage)
        return self._finish_with(ended, [item.kept() for item in items])

    def _opening(self) -> list[bytes]:
        if self._number:
            return []
        kinds = ("response.created", "response.in_progress")
        return [self._event((kind, {"response": self._begun})) for kind in kinds]

    def _event(self, event: Event) -> bytes:
        kind, members = event
        body = orjson.dumps({"type": kind, "sequence_number": self._number, **members})
        self._number += 1
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), body)
