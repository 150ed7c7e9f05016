"""Streamed answers in OpenAI's dialect, with the deviations of its imitators put right."""

from typing import Any
from zlib import crc32

import orjson

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.answers import frame_error, wrapped_error
from apps.providers.adapters.shared.bounds import MOST_CHOICES, too_many
from apps.providers.adapters.shared.calls import CallAssembler, CallIds
from apps.providers.adapters.shared.entries import calls_of
from apps.providers.adapters.shared.finishes import Finish, native
from apps.providers.adapters.shared.frames import FrameReader
from apps.providers.adapters.shared.missed import has_missed
from apps.providers.adapters.shared.usage import usage_of
from apps.providers.adapters.shared.values import as_index, as_message, split_content
from apps.providers.sse import Event
from apps.providers.types import ChatChunk, Offer, Usage

from .fields import choices_of, extensions_of, finish_of, reasoning_of, said_in, says, spoken
from .response import parse_chat
from .thinking import ThinkSplitter

PLAIN_FIELDS = ("content", "role")
CONTENT_FIELDS = frozenset({"content", "reasoning_content", "refusal", "audio", "tool_calls"})


class _Choice:
    """What is remembered of one choice between its frames. `finish`: the finish reason that was passed on; `checksum` and `size`: of the
    texts of its deltas, in bytes."""

    __slots__ = ("calls", "checksum", "finish", "index", "size", "splitter")

    def __init__(self, index: int, ids: CallIds, opened: bool) -> None:
        self.index = index
        self.calls = CallAssembler(index, ids)
        self.splitter = ThinkSplitter(opened)
        self.finish: str | None = None
        self.checksum = 0
        self.size = 0

    def read(self, choice: JSONObject) -> JSONObject | None:
        """OpenAI's chunk choice for an upstream's; None where it says nothing."""
        said = finish_of(choice)
        delta = self._delta(self._said(choice, ends=said is not None))
        finish = self._finish(said)
        logprobs = choice.get("logprobs")
        if not delta and finish is None and logprobs is None:
            return None
        read = {"index": self.index, "delta": delta, "finish_reason": finish}
        if finish is not None:
            read |= native(choice.get("finish_reason"), said)
        return read if logprobs is None else read | {"logprobs": logprobs}

    def close(self) -> JSONObject | None:
        """The last chunk choice: what was held back, and a finish reason where the upstream gave none. None if there is nothing to say."""
        thought, text = self.splitter.flush()
        delta: JSONObject = {}
        if text:
            delta["content"] = text
        if thought:
            delta["reasoning_content"] = thought
        if missing := self.calls.missing_arguments():
            delta["tool_calls"] = missing
        finish = self._finish(None if self.finish else "stop")
        if not delta and finish is None:
            return None
        return {"index": self.index, "delta": delta, "finish_reason": finish}

    def _finish(self, said: Finish | None) -> str | None:
        """The finish reason to pass on: the first, and after "stop" one that says more, since calls and limits may come behind it."""
        if said is None and self.finish is None:
            return None
        finish = spoken(said or "stop", has_calls=bool(self.calls))
        if finish in (self.finish, "stop") and self.finish is not None:
            return None
        if self.finish not in (None, "stop"):
            return None
        self.finish = finish
        return finish

    def _said(self, choice: JSONObject, *, ends: bool) -> JSONObject:
        """What `choice` says. Some say once more what the deltas said, perhaps with more behind it: in a message beside them, or at the
        end."""
        said = said_in(choice, "delta")
        text = split_content(said.get("content"))[1].encode()
        own = as_message(choice.get("delta"))
        if says(own):
            self.note(text)
            return said
        sums_up = ends or self.finish is not None or (bool(own) and "message" in choice)
        if sums_up and self.size and crc32(text[: self.size]) == self.checksum:
            rest = text[self.size :]
            self.note(rest)
            calls = {name: said[name] for name in ("tool_calls", "function_call") if name in said}
            return calls | {"content": rest.decode("utf-8", "replace")}
        return said

    def note(self, text: bytes) -> None:
        """Take note of a delta's text."""
        self.checksum = crc32(text, self.checksum)
        self.size += len(text)

    def _delta(self, raw: JSONObject) -> JSONObject:
        inline, text = split_content(raw.get("content"))
        thought, text = self.splitter.feed(text)
        delta = extensions_of(raw)
        if text:
            delta["content"] = text
        if reasoning := reasoning_of(raw) + inline + thought:
            delta["reasoning_content"] = reasoning
        if (calls := calls_of(raw)) and (deltas := self.calls.deltas(calls)):
            delta["tool_calls"] = deltas
        return delta


class OpenAIStream(FrameReader):
    """Reads one streamed answer (see `ChatStream`). `done`: `[DONE]` has come."""

    def __init__(self, offer: Offer) -> None:
        super().__init__(offer)
        self._choices: dict[int, _Choice] = {}
        self._ids = CallIds()
        self._annex = offer.preset.annex

    def _read_events(self, events: list[Event]) -> list[ChatChunk]:
        chunks: list[ChatChunk] = []
        for event in events:
            if self.done:
                break  # what comes behind the end mark is not of the answer
            try:
                frame = orjson.loads(event.data)
            except orjson.JSONDecodeError:
                chunks += self._read_other(event)
                continue
            if type(frame) is dict and not self._partial:
                if (chunk := self._read(event, frame)) is not None:
                    chunks.append(chunk)
            else:
                chunks += self._read_all(event, self._values(event.data))
        return chunks

    def _is_complete(self) -> bool:
        """`[DONE]`, every finish reason, or a whole answer came."""
        if self.done or self._whole is not None:
            return True
        return self.finished > 0

    def _read_all(self, event: Event, frames: JSONArray) -> list[ChatChunk]:
        return [chunk for frame in frames if (chunk := self._read(event, frame)) is not None]

    def _read(self, event: Event, frame: Any) -> ChatChunk | None:
        choices = frame.get("choices") if type(frame) is dict else False
        if choices is not None and type(choices) not in (list, dict):
            if event.name != "ping" or has_missed(event.data):
                self._skip(event.data)
            return None
        self._malformed = 0
        if type(choices) is list and len(choices) == 1:
            chunk = self._plain(frame, choices[0])
            if chunk is not None:
                return chunk
        self._refuse_errors(event, frame)
        return self._read_frame(frame)

    def _plain(self, frame: JSONObject, choice: Any) -> ChatChunk | None:
        """The hot path: one choice with one piece of text and nothing else. None for every other frame."""
        if (
            type(choice) is not dict
            or choice.get("finish_reason") is not None
            or choice.get("logprobs") is not None
            or choice.get("error") is not None
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
        text = delta["content"]
        state.note(text.encode())
        read = {"index": index, "delta": {"content": text}, "finish_reason": None}
        return ChatChunk([read], True)

    def _read_frame(self, frame: JSONObject) -> ChatChunk | None:
        self._ids.learn(frame.get("id"))
        choices = choices_of(frame)
        read = [self._read_choice(choice, at) for at, choice in enumerate(choices)]
        if choices:
            states = self._choices.values()
            self.finished = len(states) if all(state.finish is not None for state in states) else 0
        return _chunk([choice for choice in read if choice is not None], usage_of(frame, self._offer))

    def _read_choice(self, choice: JSONObject, at: int) -> JSONObject | None:
        index = at if (given := as_index(choice.get("index"))) is None else given
        state = self._choices.get(index)
        if state is None:
            if len(self._choices) >= MOST_CHOICES:
                raise too_many("choices")
            opened = self._offer.model in self._offer.preset.think_opened
            state = self._choices[index] = _Choice(index, self._ids, opened)
        return state.read(choice)

    def _refuse_errors(self, event: Event, frame: JSONObject) -> None:
        if event.name == "error":
            raise frame_error(frame, self._offer)
        if (error := wrapped_error(frame, self._offer)) is not None:
            raise error

    def _read_other(self, event: Event) -> list[ChatChunk]:
        """An event whose data is not plain JSON: the end mark, an error in plain text, a keep-alive, nearly JSON, or garbage."""
        text = event.data.strip()
        if text == b"[DONE]":
            self.done = True
            self._give_up()
            return self._closing()
        if event.name == "error":
            raise frame_error({"error": text.decode("utf-8", "replace")}, self._offer)
        if not text or (event.name == "ping" and not has_missed(text)):
            return []
        return self._read_all(event, self._values(event.data))

    def _closing(self) -> list[ChatChunk]:
        """Finish the choices that the upstream left open."""
        if self.done and not self._choices:
            self._choices[0] = _Choice(0, self._ids, opened=False)
        read = [state.close() for state in self._choices.values()]
        chunk = _chunk([choice for choice in read if choice is not None], None)
        return [] if chunk is None else [chunk]

    def _read_whole(self, body: bytes) -> list[ChatChunk]:
        """One chunk that says what the whole answer says."""
        result = parse_chat(body, self._offer)
        choices = []
        for choice in result.choices:
            delta = {key: value for key, value in choice["message"].items() if key != "role" and value}
            if "tool_calls" in delta:
                delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(delta["tool_calls"])]
            rest = {key: value for key, value in choice.items() if key != "message" and value is not None}
            choices.append({"delta": delta, **rest})
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
