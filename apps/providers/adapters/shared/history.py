"""What every wire has to put right in a message history, so that a conversation begun on one provider goes on with any other.

Clients keep what the provider that answered gave them: its tool call ids, its reasoning, calls whose results were cut off.
What is said here holds for all wires; each goes on from it in its own words. Nothing here changes what it is given.
"""

import hashlib
import re
from collections import deque
from typing import Any

import orjson

from apps.core.json_types import JSONObject

Message = JSONObject
Placed = tuple[int, Message]

REASONING_FIELDS = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
SPOKEN_FIELDS = ("content", "refusal", "audio", "tool_calls")
UNANSWERED = {"error": "The call was not answered."}
ORPHAN = "Result of an earlier tool call: "
# A tool call id that carries a thought signature: see gemini/chat/signatures.py, which writes and reads them.
_SIGNED = re.compile(r"__sig_([0-9A-Za-z]{6})_([-_0-9A-Za-z]+)")
OF_A_SIGNATURE = "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ALNUM9 = re.compile(r"[a-zA-Z0-9]{9}")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def text_hash(text: str, length: int) -> str:
    """`length` (at most 40) letters and digits that depend on `text` alone."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(digits)


def unsigned(tool_id: str) -> str:
    """`tool_id` without a thought signature: thousands of characters that mean nothing to another provider."""
    parts = signed_parts(tool_id)
    return tool_id if parts is None else parts[0] or text_hash(tool_id, 9)


def signed_parts(tool_id: str) -> tuple[str, str, str] | None:
    """(id, tag, signature) of an id that carries a signature, None for any other. A signature reaches to the end: it is looked for once, in
    the last characters that may be of one, since a client may send an id of megabytes."""
    start = len(tool_id.rstrip(OF_A_SIGNATURE))
    match = _SIGNED.search(tool_id, start)
    return None if match is None else (tool_id[: match.start()], match[1], match[2])


def alnum9(tool_id: str) -> str:
    """`tool_id` if it is nine letters and digits, else nine that depend on it alone: the same in the call and
    in its result."""
    return tool_id if ALNUM9.fullmatch(tool_id) else text_hash(tool_id, 9)


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text and refusal parts of a list, each on its own line."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return "\n".join(text for part in content if (text := _text_of_part(part)))


def is_silent(message: Message) -> bool:
    """Whether it is an assistant's turn that says nothing, as after reasoning that was cut: strict upstreams refuse it."""
    return message.get("role") == "assistant" and not any(message.get(name) for name in SPOKEN_FIELDS)


def modernised(messages: list[Message]) -> list[Message]:
    """`messages` with the legacy `function_call` and role `function` as tool calls and their results."""
    result: list[Message] = []
    call_ids: dict[str, str] = {}
    for position, message in enumerate(messages):
        call = message.get("function_call")
        if message.get("role") == "function":
            name = str(message.get("name", ""))
            call_id = call_ids.get(name) or _made_id(position, name)
            result.append({"role": "tool", "tool_call_id": call_id, "content": message.get("content") or ""})
        elif isinstance(call, dict):
            name = str(call.get("name", ""))
            call_ids[name] = _made_id(position, name)
            rest = {key: value for key, value in message.items() if key != "function_call"}
            tool_call = {"id": call_ids[name], "type": "function", "function": call}
            result.append({"content": None} | rest | {"tool_calls": [tool_call]})
        else:
            result.append(message)
    return result


def paired(messages: list[Message]) -> list[Placed]:
    """The messages, each with its position in `messages`, so that every assistant's tool calls are answered at once, each by one
    result, in the order of the calls, and have an id each.

    What else was said in between follows. A call that was never answered gets `UNANSWERED` as its result; a result whose call is not
    in the turn before, perhaps cut off with the older history, is kept as what the user said.
    """
    pairing = _Pairing()
    for position, message in enumerate(messages):
        pairing.add(position, message)
    return pairing.finish()


def named_args(call: JSONObject) -> tuple[str, JSONObject]:
    """Name and arguments of a tool call, for wires whose arguments are an object: anything else is put into one, as `input`."""
    if isinstance(custom := call.get("custom"), dict):
        return str(custom.get("name", "")), {"input": str(custom.get("input", ""))}
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = orjson.loads(arguments) if arguments.strip() else None
        except orjson.JSONDecodeError:
            arguments = {"input": arguments}
    if not isinstance(arguments, dict):
        arguments = {"input": arguments} if arguments else {}
    return str(function.get("name", "")), arguments


class _Call:
    """A tool call that waits for its result. `id`: the one that the history gives it; `own_id`: the same, or one that tells it apart."""

    __slots__ = ("id", "own_id", "position", "result")

    def __init__(self, position: int, call_id: str, own_id: str) -> None:
        self.position = position
        self.id = call_id
        self.own_id = own_id
        self.result: Placed | None = None

    def answer(self) -> Placed:
        """Its result, or one that says that there is none."""
        if self.result is None:
            content = orjson.dumps(UNANSWERED).decode()
            return self.position, {"role": "tool", "tool_call_id": self.own_id, "content": content}
        position, message = self.result
        return (
            (position, message)
            if self.own_id == self.id
            else (position, message | {"tool_call_id": self.own_id})
        )


class _Pairing:
    """See `paired`."""

    def __init__(self) -> None:
        self._placed: list[Placed] = []
        self._calls: list[_Call] = []
        self._waiting: dict[str, deque[_Call]] = {}  # by id, of which thousands may have the same
        self._said: list[Placed] = []

    def add(self, position: int, message: Message) -> None:
        role = message.get("role")
        if role == "assistant":
            self._end_turn()
            self._placed.append((position, self._with_calls(position, message)))
        elif role == "tool":
            self._add_result(position, message)
        else:
            self._said.append((position, message))

    def _with_calls(self, position: int, message: Message) -> Message:
        """Note the calls of `message`. Returns it with an id of its own for each, since upstreams refuse none and the same twice."""
        calls = message.get("tool_calls")
        calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        given = {""}
        for place, call in enumerate(calls):
            call_id = str(call.get("id") or "")
            own_id = call_id if call_id not in given else _made_id(position, f"{place} {call_id}")
            given.add(own_id)
            noted = _Call(position, call_id, own_id)
            self._calls.append(noted)
            self._waiting.setdefault(call_id, deque()).append(noted)
        if all(call.id == call.own_id for call in self._calls):
            return message
        told = zip(calls, self._calls, strict=True)
        return message | {"tool_calls": [call | {"id": known.own_id} for call, known in told]}

    def finish(self) -> list[Placed]:
        self._end_turn()
        return self._placed

    def _add_result(self, position: int, message: Message) -> None:
        call_id = str(message.get("tool_call_id") or "")
        if waiting := self._waiting.get(call_id):
            waiting.popleft().result = (position, message)
        else:
            self._said.append((position, _said_by_user(message.get("content"))))

    def _end_turn(self) -> None:
        self._placed += [call.answer() for call in self._calls]
        self._placed += self._said
        self._calls, self._waiting, self._said = [], {}, []


def _said_by_user(content: Any) -> Message:
    """A tool's result that answers no call, with its images and files."""
    text = ORPHAN + text_of(content)
    media = [part for part in content if not _text_of_part(part)] if isinstance(content, list) else []
    return {"role": "user", "content": [{"type": "text", "text": text}, *media] if media else text}


def _text_of_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = (part.get("text") or part.get("refusal")) if isinstance(part, dict) else None
    return text if isinstance(text, str) else ""


def _made_id(position: int, name: str) -> str:
    return "call_" + text_hash(f"{position} {name}", 24)
