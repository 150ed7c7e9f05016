"""Tool calls of answers: their ids, their arguments, and which fragment of a stream belongs to which call, where
upstreams omit or repeat index, id and name."""

import uuid
from typing import Any

import orjson

from apps.core.json_types import JSONObject

from .history import text_hash
from .values import as_dict, as_text


def arguments_of(function: JSONObject) -> str:
    """Arguments as JSON text; "" where there are none. Cloudflare and others send an object."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return arguments
    return orjson.dumps(arguments).decode() if arguments else ""


class CallIds:
    """Ids for tool calls that came without: they depend on the answer's own id, so a streamed and a whole
    answer get the same."""

    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer = ""

    def learn(self, answer_id: Any) -> None:
        """Take over the answer's id, where a frame has it; the first of a stream may not."""
        if not self._answer and isinstance(answer_id, str):
            self._answer = answer_id

    def make(self, choice: int, position: int) -> str:
        """`call_` and 24 letters and digits."""
        self._answer = self._answer or uuid.uuid4().hex
        return "call_" + text_hash(f"{self._answer} {choice} {position}", 24)


class _Call:
    """One call as far as it came. `their_id` is the id that the upstream gave, "" where it gave none."""

    __slots__ = ("has_arguments", "index", "name", "their_id")

    def __init__(self, index: int) -> None:
        self.index = index
        self.their_id = ""
        self.name = ""
        self.has_arguments = False


class CallAssembler:
    """The tool calls of one choice. Deltas come out as OpenAI sends them: `index` always, id, type and name
    once, first."""

    __slots__ = ("_by_key", "_calls", "_choice", "_ids")

    def __init__(self, choice: int, ids: CallIds) -> None:
        self._choice = choice
        self._ids = ids
        self._calls: list[_Call] = []
        self._by_key: dict[int, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def deltas(self, entries: list[JSONObject]) -> list[JSONObject]:
        """The tool call deltas of one frame; an entry without an index counts by its position in it."""
        return [self._delta(entry, position) for position, entry in enumerate(entries)]

    def missing_arguments(self) -> list[JSONObject]:
        """At the end: deltas for calls that got no arguments at all, so that they join to JSON."""
        silent = [call for call in self._calls if not call.has_arguments]
        return [{"index": call.index, "function": {"arguments": "{}"}} for call in silent]

    def _delta(self, entry: JSONObject, position: int) -> JSONObject:
        function = as_dict(entry.get("function"))
        call = self._call_of(entry, function, position)
        delta = {key: value for key, value in entry.items() if key not in ("index", "id", "type", "function")}
        delta["index"] = call.index
        if call.index == len(self._calls):
            self._calls.append(call)
            delta["id"] = call.their_id or self._ids.make(self._choice, call.index)
            delta["type"] = entry.get("type") or "function"
        if "custom" in entry:
            call.has_arguments = True
            return delta
        arguments = arguments_of(function)
        call.has_arguments = call.has_arguments or bool(arguments)
        delta["function"] = {"arguments": arguments}
        if not call.name and (name := as_text(function.get("name"))):
            call.name = name
            delta["function"] = {"name": name, "arguments": arguments}
        return delta

    def _call_of(self, entry: JSONObject, function: JSONObject, position: int) -> _Call:
        index = entry.get("index")
        key = index if isinstance(index, int) else position
        call = self._by_key.get(key)
        their_id = str(entry.get("id") or "")
        if call is None or _begins_another(call, their_id, function, has_index=isinstance(index, int)):
            call = self._by_key[key] = _Call(len(self._calls))
        call.their_id = call.their_id or their_id
        return call


def _begins_another(call: _Call, their_id: str, function: JSONObject, has_index: bool) -> bool:
    """Whether a fragment at the place of `call` begins another call: some upstreams send parallel calls all
    at the first place."""
    if their_id and call.their_id:
        return their_id != call.their_id
    return not has_index and bool(call.name) and bool(function.get("name"))
