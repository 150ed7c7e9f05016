"""Streamed answers of Cohere: server-sent events, each with a `type` and, where it says something, a delta."""

from typing import Any

import orjson

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.answers import frame_error
from apps.providers.adapters.shared.calls import CallAssembler, CallIds
from apps.providers.adapters.shared.frames import FrameReader
from apps.providers.adapters.shared.values import as_dict, as_index
from apps.providers.sse import Event
from apps.providers.types import ChatChunk, Offer, Usage

from .response import Said, finish_of, is_error, parse_chat, refuse_failure, said_by, usage_of


class CohereStream(FrameReader):
    """Reads one streamed answer (see `ChatStream`). `done`: message-end has come; some deployments send `[DONE]`
    after it."""

    whole_starts = (b"{",)  # Cohere has no form of answer that is an array

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        self._ids = CallIds()
        self._calls = CallAssembler(0, self._ids)

    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        return [chunk for event in events for chunk in self._read(event)]

    def _is_complete(self) -> bool:
        return self.done

    def _read(self, event: Event) -> list[ChatChunk]:
        if self.done or not event.data.strip():
            return []
        if event.data.strip() == b"[DONE]":
            self._give_up()
            return [self._end({})]
        if event.name == "error":
            raise frame_error(self._error_of(event), self._offer)
        return [chunk for frame in self._values(event.data) for chunk in self._read_frame(frame, event)]

    def _error_of(self, event: Event) -> JSONObject:
        try:
            frame = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            frame = None
        return frame if isinstance(frame, dict) else {"message": event.data.decode("utf-8", "replace")}

    def _read_frame(self, frame: Any, event: Event) -> list[ChatChunk]:
        if not isinstance(frame, dict) or not (frame.setdefault("type", event.name) or is_error(frame)):
            self._skip(event.data)
            return []
        self._malformed = 0
        if is_error(frame):
            raise frame_error(frame, self._offer)
        self._ids.learn(frame.get("id"))
        chunk = self._chunk(said_by(frame), as_index(frame.get("index")))
        chunks = [] if chunk is None else [chunk]
        if frame["type"] == "message-end":
            chunks.append(self._end(frame | as_dict(frame.get("delta"))))
        return chunks

    def _chunk(self, said: Said, index: int | None) -> ChatChunk | None:
        """The chunk of a delta; None where it says nothing. `index` counts calls in the events of calls."""
        delta: JSONObject = {}
        if said.text:
            delta["content"] = said.text
        if said.reasoning:
            delta["reasoning_content"] = said.reasoning
        if said.calls:
            place = {"index": index} if index is not None and len(said.calls) == 1 else {}
            if deltas := self._calls.deltas([call | place for call in said.calls]):
                delta["tool_calls"] = deltas
        has_content = bool(delta)
        if said.citations:
            delta["citations"] = said.citations
        return _chunk(delta, {"finish_reason": None}, has_content, None) if delta else None

    def _end(self, ending: JSONObject) -> ChatChunk:
        """The last chunk: the finish reason, the usage, and arguments for calls that came without any."""
        refuse_failure(ending, self._offer)
        self.done = True
        missing = self._calls.missing_arguments()
        delta = {"tool_calls": missing} if missing else {}
        finish = finish_of(ending, has_calls=bool(self._calls))
        return _chunk(delta, finish, bool(missing), usage_of(ending))

    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        """One chunk that says what the whole answer says."""
        result = parse_chat(body, self._offer)
        choice = result.choices[0]
        delta = {name: value for name, value in choice["message"].items() if name != "role" and value}
        if calls := delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
        self.done = True
        ending = {name: value for name, value in choice.items() if name.endswith("finish_reason")}
        return [_chunk(delta, ending, bool(delta.keys() - {"citations"}), result.usage)]


def _chunk(delta: JSONObject, ending: JSONObject, has_content: bool, usage: Usage | None) -> ChatChunk:
    return ChatChunk([{"index": 0, "delta": delta, **ending}], has_content, usage)
