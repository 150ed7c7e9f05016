"""Tool calls of answers: their ids, their arguments, and which fragment of a stream belongs to which call, where
upstreams omit or repeat index, id and name."""

import uuid
from typing import Any

import orjson

from apps.core.json_types import JSONObject

from .arguments import Arguments, meaning_of
from .bounds import MOST_CALLS, MOST_HELD, MOST_IDS, MOST_SAID, too_many
from .entries import NO_ARGUMENTS, arguments_of
from .history import text_hash
from .missed import lost
from .values import as_dict, as_index, as_text

OPENING = ("index", "id", "type", "function")


class CallIds:
    """Ids for tool calls that came without: they depend on the answer's own id, so a streamed and a whole
    answer get the same."""

    __slots__ = ("_answer", "_given", "_kept")

    def __init__(self) -> None:
        self._answer = ""
        self._kept = 0
        self._given: set[str] = set()

    def learn(self, answer_id: Any) -> None:
        """Take over the answer's id, where a frame has it; the first of a stream may not."""
        if not self._answer and isinstance(answer_id, str):
            self._answer = answer_id

    def keep(self, said: str) -> None:
        """An id or a name is remembered as long as the answer goes on. Raises UpstreamError(PARSING) for more than anybody needs."""
        self._kept += len(said)
        if self._kept > MOST_SAID:
            raise too_many("characters in names and ids")

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
    """One call as far as it came. `index`: its place, None until it has a name and is passed on. `opening`: what is passed on of it then,
    beside its function. `ids`: those that the upstream gave it, more than one where it makes a new one for each fragment. `frame`: the
    number of the last frame with a fragment of it. `is_held`: its arguments are "{}" so far, which may stand in the place of those that
    come."""

    __slots__ = (
        "_arguments",
        "frame",
        "has_arguments",
        "ids",
        "index",
        "is_held",
        "name",
        "opening",
    )

    def __init__(self) -> None:
        self.index: int | None = None
        self.opening: JSONObject = {}
        self.ids: set[str] = set()
        self.name = ""
        self.frame = 0
        self.has_arguments = False
        self.is_held = False
        self._arguments = Arguments()

    def add(self, arguments: str) -> str:
        """Take more arguments. Returns those to pass on. Raises UpstreamError(PARSING) for some that are neither more nor the same once
        more."""
        more = self._more(arguments)
        if more:
            self.has_arguments = True
            self._arguments.add(more)
        return more

    def so_far(self) -> str:
        """The arguments that came."""
        return self._arguments.text()

    def _more(self, arguments: str) -> str:
        """What `arguments` add: nothing while there are none, and where they are the same once more."""
        if not self.has_arguments:
            if (said := arguments.strip()) in NO_ARGUMENTS:
                self.is_held = self.is_held or bool(said)
                return ""
            self.is_held = False
            return arguments
        if not arguments.lstrip().startswith("{") or not self.is_complete():
            return arguments
        if self.repeats(arguments):
            return ""
        raise lost()

    def is_complete(self) -> bool:
        """Whether the arguments are JSON: what follows cannot be more of them."""
        return self.is_held or self._arguments.meaning() is not None

    def repeats(self, arguments: str) -> bool:
        """Whether `arguments` are all those of this call, which is complete, once more."""
        meant = self._arguments.meaning()
        return meant is not None and meaning_of(arguments) == meant

    def is_over(self, their_id: str, name: str, arguments: str, *, has_index: bool) -> bool:
        """Whether a fragment at the place of this call begins another one: some upstreams send parallel calls all at the first place.

        A new id alone says nothing, as some make one for each fragment, and a repeated name neither; some repeat all arguments at the end.
        """
        if not name or not self.name:
            return False
        has_new_id = bool(their_id and self.ids) and their_id not in self.ids
        if has_new_id or not (has_index or their_id):
            is_repeat = not has_new_id and self._arguments.count > 1 and self.repeats(arguments)
            return name != self.name or (self.is_complete() and not is_repeat)
        is_more = bool(arguments.strip()) and not self.is_held and not self.repeats(arguments)
        return (is_more or name != self.name) and self.is_complete()

    def goes_on(self, their_id: str, name: str, arguments: str) -> bool:
        """Whether a fragment at a place of its own is more of this call: the index of some grows with every fragment."""
        if not name:
            return not their_id or their_id in self.ids or bool(arguments)
        is_begun = self.has_arguments and not self.is_complete()
        if their_id:
            return is_begun and their_id in self.ids
        return is_begun and name == self.name and not arguments.lstrip().startswith("{")


class CallAssembler:
    """The tool calls of one choice. Deltas come out as OpenAI sends them: `index` always, id, type and name
    once, first. True once a call was passed on."""

    __slots__ = ("_by_id", "_by_key", "_calls", "_choice", "_frame", "_held", "_ids", "_last", "_opened")

    def __init__(self, choice: int, ids: CallIds) -> None:
        self._choice = choice
        self._ids = ids
        self._calls: list[_Call] = []
        self._opened = 0
        self._by_key: dict[int, _Call] = {}
        self._by_id: dict[tuple[int | None, str], _Call] = {}
        self._last: _Call | None = None
        self._frame = 0
        self._held = 0

    def __bool__(self) -> bool:
        return self._opened > 0

    def deltas(self, entries: list[JSONObject]) -> list[JSONObject]:
        """The tool call deltas of one frame; an entry without an index counts by its position in it. There is none for a call whose name
        is still to come. Raises UpstreamError(PARSING) for a name or arguments that are neither more of a call's nor the same once more."""
        self._frame += 1
        read = [self._delta(entry, position) for position, entry in enumerate(entries)]
        return [delta for delta in read if delta is not None]

    def missing_arguments(self) -> list[JSONObject]:
        """At the end: deltas for calls that got no arguments at all, so that they join to JSON. Nothing when asked again. Raises
        UpstreamError(PARSING) for arguments whose call never got a name."""
        if any(call.index is None and call.has_arguments for call in self._calls):
            raise lost()
        silent = [call for call in self._calls if call.index is not None and not call.has_arguments]
        for call in silent:
            call.has_arguments = True
        return [{"index": call.index, "function": {"arguments": "{}"}} for call in silent]

    def _delta(self, entry: JSONObject, position: int) -> JSONObject | None:
        function = as_dict(entry.get("function"))
        name, arguments = as_text(function.get("name")), arguments_of(function)
        call = self._call_of(entry, name, arguments, position)
        delta = {key: value for key, value in entry.items() if key not in OPENING}
        if "custom" in entry:
            call.has_arguments = True
            return delta | (self._open(call, entry) if call.index is None else {}) | {"index": call.index}
        if name and call.name not in ("", name):
            raise lost()
        more = call.add(arguments)
        if call.index is not None:
            return delta | {"index": call.index, "function": {"arguments": more}} if more or delta else None
        call.opening |= {key: value for key, value in entry.items() if key != "function" and value}
        if not name:
            self._hold(entry)
            return None
        self._ids.keep(name)
        call.name = name
        opened = self._open(call, call.opening)
        return opened | {"function": {"name": name, "arguments": call.so_far()}}

    def _hold(self, entry: JSONObject) -> None:
        """A fragment is kept until its call has a name. Raises UpstreamError(PARSING) where that is more than a name is waited for."""
        self._held += len(orjson.dumps(entry))
        if self._held > MOST_HELD:
            raise too_many("parts of tool calls without a name")

    def _open(self, call: _Call, entry: JSONObject) -> JSONObject:
        """Give `call` its place. Returns what is passed on of it once, first."""
        call.index, self._opened = self._opened, self._opened + 1
        call_id = self._ids.unique(entry.get("id"), self._choice, call.index)
        return {
            **{key: value for key, value in entry.items() if key not in OPENING},
            "index": call.index,
            "id": call_id,
            "type": entry.get("type") or "function",
        }

    def _call_of(self, entry: JSONObject, name: str, arguments: str, position: int) -> _Call:
        index, their_id = as_index(entry.get("index")), str(entry.get("id") or "")
        key = position if index is None else index
        call = self._by_id.get((key, their_id)) or self._by_key.get(key)
        if call is None:
            call = self._moved(their_id, name, arguments)
        elif call.is_over(their_id, name, arguments, has_index=index is not None):
            call = None
        elif self._is_stale(call, their_id, name):
            call = self._last
        if call is None:
            if len(self._calls) >= MOST_CALLS:
                raise too_many("tool calls")
            call = _Call()
            self._calls.append(call)
        if len(self._by_key) >= MOST_IDS:
            raise too_many("places of tool calls")
        self._by_key[key] = self._last = call
        call.frame = self._frame
        if their_id:
            self._learn(call, key, their_id)
        return call

    def _learn(self, call: _Call, key: int, their_id: str) -> None:
        """A fragment of the call at this place had this id."""
        if (key, their_id) not in self._by_id:
            self._ids.keep(their_id)
        if len(self._by_id) >= MOST_IDS:
            raise too_many("ids of tool calls")
        call.ids.add(their_id)
        self._by_id[key, their_id] = self._by_id[None, their_id] = call

    def _moved(self, their_id: str, name: str, arguments: str) -> _Call | None:
        """The call that goes on with a fragment at a new place; None where that begins one. Two of one frame are two calls."""
        call = self._by_id.get((None, their_id)) or self._last
        if call is None or call.frame == self._frame or not call.goes_on(their_id, name, arguments):
            return None
        return call

    def _is_stale(self, call: _Call, their_id: str, name: str) -> bool:
        """Whether a fragment that says nothing of its call is more of the last, and not of the one that was at its place before."""
        last = self._last
        if last is None or last is call or name or their_id or last.frame == self._frame:
            return False
        return call.is_complete() and not last.is_complete()
