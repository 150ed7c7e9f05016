"""Streamed answers in OpenAI's dialect, with the deviations of its imitators put right."""

from typing import Any

import orjson

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.answers import frame_error, wrapped_error
from apps.providers.adapters.shared.calls import CallAssembler, CallIds
from apps.providers.adapters.shared.frames import FrameReader
from apps.providers.adapters.shared.usage import usage_of
from apps.providers.adapters.shared.values import as_dict, split_content
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sse import Event
from apps.providers.types import ChatChunk, Offer, Usage

from .fields import (
    calls_of,
    extensions_of,
    finish_of,
    has_failed,
    reasoning_of,
)
from .response import parse_chat
from .thinking import ThinkSplitter

PLAIN_FIELDS = ("content", "role")
CONTENT_FIELDS = frozenset({"content", "reasoning_content", "refusal", "audio", "tool_calls"})


class _Choice:
    """What is remembered of one choice between its frames."""

    __slots__ = ("calls", "finished", "index", "splitter")

    def __init__(self, index: int, ids: CallIds, opened: bool) -> None:
        self.index = index
        self.calls = CallAssembler(index, ids)
        self.splitter = ThinkSplitter(opened)
        self.finished = False

    def read(self, choice: JSONObject) -> JSONObject | None:
        """OpenAI's chunk choice for an upstream's; None where it says nothing. Only one finish reason passes."""
        delta = self._delta(as_dict(choice.get("delta")))
        finish = None if self.finished else finish_of(choice, bool(self.calls))
        if finish is not None:
            self._close(delta)
        logprobs = choice.get("logprobs")
        if not delta and finish is None and logprobs is None:
            return None
        read = {"index": self.index, "delta": delta, "finish_reason": finish}
        return read if logprobs is None else read | {"logprobs": logprobs}

    def finish(self) -> JSONObject:
        """The last chunk choice, where the upstream sent its end mark but no finish reason."""
        delta: JSONObject = {}
        self._close(delta)
        return {"index": self.index, "delta": delta, "finish_reason": "tool_calls" if self.calls else "stop"}

    def _delta(self, raw: JSONObject) -> JSONObject:
        inline, text = split_content(raw.get("content"))
        thought, text = self.splitter.feed(text)
        delta = extensions_of(raw)
        if text:
            delta["content"] = text
        if reasoning := reasoning_of(raw) + inline + thought:
            delta["reasoning_content"] = reasoning
        if calls := calls_of(raw):
            delta["tool_calls"] = self.calls.deltas(calls)
        return delta

    def _close(self, delta: JSONObject) -> None:
        """Add to the last delta what was held back for it."""
        self.finished = True
        thought, text = self.splitter.flush()
        if text:
            delta["content"] = delta.get("content", "") + text
        if thought:
            delta["reasoning_content"] = delta.get("reasoning_content", "") + thought
        _add_missing_arguments(delta, self.calls)


def _add_missing_arguments(delta: JSONObject, calls: CallAssembler) -> None:
    """Complete the calls that came without arguments, in their own entry where this very delta began them."""
    begun = {entry["index"]: entry for entry in delta.get("tool_calls", ())}
    for missing in calls.missing_arguments():
        if entry := begun.get(missing["index"]):
            entry["function"]["arguments"] = "{}"
        else:
            delta.setdefault("tool_calls", []).append(missing)


class OpenAIStream(FrameReader):
    """Reads one streamed answer (see `ChatStream`). `done`: `[DONE]` has come."""

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        self._choices: dict[int, _Choice] = {}
        self._ids = CallIds()
        self._annex = offer.preset.annex

    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        chunks = []
        for event in events:
            chunk = self._read(event)
            if chunk is not None:
                chunks.append(chunk)
        return chunks

    def _is_complete(self) -> bool:
        """`[DONE]`, every finish reason, or a whole answer came."""
        if self.done or self._whole is not None:
            return True
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def _read(self, event: Event) -> ChatChunk | None:
        try:
            frame = orjson.loads(event.data)
        except orjson.JSONDecodeError:
            return self._read_other(event)
        if type(frame) is list and len(frame) == 1:
            frame = frame[0]
        choices = frame.get("choices") if type(frame) is dict else False
        if choices is not None and type(choices) is not list:
            self._count_malformed()
            return None
        self._malformed = 0
        if choices and len(choices) == 1 and (chunk := self._plain(frame, choices[0])) is not None:
            return chunk
        self._refuse_errors(event, frame)
        return self._read_frame(frame, choices or [])

    def _plain(self, frame: JSONObject, choice: Any) -> ChatChunk | None:
        """The hot path: one choice with one piece of text and nothing else. None for every other frame."""
        if (
            type(choice) is not dict
            or choice.get("finish_reason") is not None
            or choice.get("logprobs") is not None
        ):
            return None
        index, delta = choice.get("index", 0), choice.get("delta")
        if type(index) is not int or type(delta) is not dict or not _only_text(delta):
            return None
        state = self._choices.get(index)
        if state is None or not state.splitter.passes:
            return None
        if frame.get("usage") is not None or frame.get("error") is not None or self._annex in frame:
            return None
        read = {"index": index, "delta": {"content": delta["content"]}, "finish_reason": None}
        return ChatChunk([read], True)

    def _read_frame(self, frame: JSONObject, choices: JSONArray) -> ChatChunk | None:
        self._ids.learn(frame.get("id"))
        read = [self._read_choice(as_dict(choice), at) for at, choice in enumerate(choices)]
        return _chunk([choice for choice in read if choice is not None], usage_of(frame, self._offer))

    def _read_choice(self, choice: JSONObject, at: int) -> JSONObject | None:
        if has_failed(choice):
            raise UpstreamError(ErrorKind.SERVER_ERROR, "the upstream failed while it answered")
        index = choice.get("index")
        index = index if isinstance(index, int) else at
        state = self._choices.get(index)
        if state is None:
            opened = self._offer.model in self._offer.preset.think_opened
            state = self._choices[index] = _Choice(index, self._ids, opened)
        return state.read(choice)

    def _refuse_errors(self, event: Event, frame: JSONObject) -> None:
        if event.name == "error":
            raise frame_error(frame, self._offer)
        if (error := wrapped_error(frame, self._offer)) is not None:
            raise error

    def _read_other(self, event: Event) -> ChatChunk | None:
        """An event whose data is not JSON: the end mark, an error in plain text, a keep-alive, or garbage."""
        text = event.data.strip()
        if text == b"[DONE]":
            return self._end()
        if event.name == "error":
            raise frame_error({"error": text.decode("utf-8", "replace")}, self._offer)
        if text and event.name != "ping":
            self._count_malformed()
        return None

    def _end(self) -> ChatChunk | None:
        """`[DONE]`: finish the choices that the upstream left open."""
        if self.done:
            return None
        self.done = True
        states = list(self._choices.values()) or [_Choice(0, self._ids, opened=False)]
        return _chunk([choice.finish() for choice in states if not choice.finished], None)

    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        """One chunk that says what the whole answer says."""
        result = parse_chat(body, self._offer)
        choices = []
        for choice in result.choices:
            delta = {key: value for key, value in choice["message"].items() if key != "role" and value}
            if "tool_calls" in delta:
                delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(delta["tool_calls"])]
            read = {"index": choice["index"], "delta": delta, "finish_reason": choice["finish_reason"]}
            choices.append(read if choice["logprobs"] is None else read | {"logprobs": choice["logprobs"]})
        chunk = _chunk(choices, result.usage)
        return [] if chunk is None else [chunk]


def _only_text(delta: JSONObject) -> bool:
    """Whether `delta` has text, and beside it at most a repeated role and nulls."""
    text = delta.get("content")
    if not text or type(text) is not str:
        return False
    return len(delta) == 1 or all(value is None or key in PLAIN_FIELDS for key, value in delta.items())


def _chunk(choices: list[JSONObject], usage: Usage | None) -> ChatChunk | None:
    if not choices and usage is None:
        return None
    has_content = any(not CONTENT_FIELDS.isdisjoint(choice["delta"]) for choice in choices)
    return ChatChunk(choices, has_content, usage)
