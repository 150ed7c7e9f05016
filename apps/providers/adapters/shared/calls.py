"""Tool calls of answers: their ids, their arguments, and which fragment of a stream belongs to which call, where
upstreams omit or repeat index, id and name."""

import uuid
from typing import Any

import orjson

from apps.core.json_types import JSONObject

from .history import text_hash
from .values import as_dict, as_index, as_text


def arguments_of(function: JSONObject) -> str:
    """Arguments as JSON text; "" where there are none. Cloudflare and others send an object."""
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return arguments
    return orjson.dumps(arguments).decode() if arguments else ""


class CallIds:
    """Ids for tool calls that came without: they depend on the answer's own id, so a streamed and a whole
    answer get the same."""

    __slots__ = ("_answer", "_given")

    def __init__(self) -> None:
        self._answer = ""
        self._given: set[str] = set()

    def learn(self, answer_id: Any) -> None:
        """Take over the answer's id, where a frame has it; the first of a stream may not."""
        if not self._answer and isinstance(answer_id, str):
            self._answer = answer_id

    def unique(self, theirs: Any, choice: int, position: int) -> str:
        """The upstream's id for a new call; one of ours where it gave none, or has given it before."""
        made = str(theirs or "")
        if not made or made in self._given:
            made = self.make(choice, position)
        self._given.add(made)
        return made

    def make(self, choice: int, position: int) -> str:
        """`call_` and 24 letters and digits."""
        self._answer = self._answer or uuid.uuid4().hex
        return "call_" + text_hash(f"{self._answer} {choice} {position}", 24)


class _Call:
    """One call as far as it came. `ids`: those that the upstream gave it, more than one where it makes a new one for each fragment."""

    __slots__ = ("_arguments", "has_arguments", "ids", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.ids: set[str] = set()
        self.name = ""
        self.has_arguments = False
        self._arguments: list[str] = []

    def add(self, arguments: str) -> None:
        if arguments:
            self.has_arguments = True
            self._arguments.append(arguments)

    def is_complete(self) -> bool:
        """Whether the arguments are JSON: what follows cannot be more of them."""
        try:
            orjson.loads("".join(self._arguments))
        except orjson.JSONDecodeError:
            return False
        return True

    def is_over(self, their_id: str, name: str, arguments: str, *, has_index: bool) -> bool:
        """Whether a fragment at the place of this call begins another one: some upstreams send parallel calls all at the first place.

        A new id alone says nothing, as some make one for each fragment, and a repeated name neither.
        """
        if not name or not self.name:
            return False
        if their_id in self.ids:
            return bool(arguments.strip()) and self.is_complete()
        has_new_id = bool(their_id) and bool(self.ids)
        return (has_new_id or not has_index) and (name != self.name or self.is_complete())


class CallAssembler:
    """The tool calls of one choice. Deltas come out as OpenAI sends them: `index` always, id, type and name
    once, first."""

    __slots__ = ("_by_id", "_by_key", "_calls", "_choice", "_ids")

    def __init__(self, choice: int, ids: CallIds) -> None:
        self._choice = choice
        self._ids = ids
        self._calls: list[_Call] = []
        self._by_key: dict[int, _Call] = {}
        self._by_id: dict[tuple[int, str], _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def deltas(self, entries: list[JSONObject]) -> list[JSONObject]:
        """The tool call deltas of one frame; an entry without an index counts by its position in it."""
        return [self._delta(entry, position) for position, entry in enumerate(entries)]

    def missing_arguments(self) -> list[JSONObject]:
        """At the end: deltas for calls that got no arguments at all, so that they join to JSON. Nothing when asked again."""
        silent = [call for call in self._calls if not call.has_arguments]
        for call in silent:
            call.has_arguments = True
        return [{"index": call.index, "function": {"arguments": "{}"}} for call in silent]

    def _delta(self, entry: JSONObject, position: int) -> JSONObject:
        function = as_dict(entry.get("function"))
        arguments = arguments_of(function)
        call = self._call_of(entry, as_text(function.get("name")), arguments, position)
        delta = {key: value for key, value in entry.items() if key not in ("index", "id", "type", "function")}
        delta["index"] = call.index
        if call.index == len(self._calls):
            self._calls.append(call)
            delta["id"] = self._ids.unique(entry.get("id"), self._choice, call.index)
            delta["type"] = entry.get("type") or "function"
        if "custom" in entry:
            call.has_arguments = True
            return delta
        call.add(arguments)
        delta["function"] = {"arguments": arguments}
        if not call.name and (name := as_text(function.get("name"))):
            call.name = name
            delta["function"] = {"name": name, "arguments": arguments}
        return delta

    def _call_of(self, entry: JSONObject, name: str, arguments: str, position: int) -> _Call:
        index, their_id = as_index(entry.get("index")), str(entry.get("id") or "")
        has_index = index is not None
        key = position if index is None else index
        call = self._by_id.get((key, their_id)) or self._by_key.get(key)
        if call is None or call.is_over(their_id, name, arguments, has_index=has_index):
            call = _Call(len(self._calls))
        self._by_key[key] = call
        if their_id:
            call.ids.add(their_id)
            self._by_id[key, their_id] = call
        return call
