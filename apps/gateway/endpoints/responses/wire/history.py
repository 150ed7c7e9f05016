"""A history in items -> messages in chat's shape.

A thought, a text and calls that follow each other are one turn of the assistant, and so are calls that clients replay each with its result
behind it: some put the results of calls made at once there. Who made them shows where our own ids stand in them: items of two answers are
two turns. The results come right behind the turn; adapters put them into the order of the calls, and say what of them is missing.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire import items
from apps.gateway.endpoints.responses.wire.items import Placed
from apps.gateway.endpoints.responses.wire.names import flat
from apps.gateway.endpoints.responses.wire.parts import content_of, output_of, text_of
from apps.gateway.endpoints.responses.wire.tools import INPUT

OWN_ID: Final = re.compile(r"(?:msg|rs|fc|ctc)_([0-9a-f]{32})_[0-9]+")
"""Of an item that was made here: of which answer it is."""

Open = Callable[[object], str | None]
"""The thought in an `encrypted_content`, None for one that is not for this client key."""


class _Turn:
    """What an assistant said, thought and called, and the results."""

    def __init__(self) -> None:
        self.answer: str | None = None
        self.said: list[str] = []
        self.thoughts: list[str] = []
        self.calls: list[JSONObject] = []
        self.results: list[JSONObject] = []
        self.media: list[JSONObject] = []

    @property
    def is_answered(self) -> bool:
        """Whether each call has its result."""
        results = {result["tool_call_id"] for result in self.results}
        return bool(self.results) and all(call["id"] in results for call in self.calls)

    def messages(self) -> list[JSONObject]:
        """The turn, and what came of its calls."""
        said: list[JSONObject] = []
        text = "\n\n".join(filter(None, self.said))
        if text or self.calls:
            message: JSONObject = {"role": "assistant", "content": text or None}
            if self.thoughts:
                message["reasoning_content"] = "\n".join(self.thoughts)
            if self.calls:
                message["tool_calls"] = self.calls
            said.append(message)
        said += self.results
        if self.media:
            said.append({"role": "user", "content": self.media})
        return said


class _History:
    def __init__(self, open_thought: Open) -> None:
        self.messages: list[JSONObject] = []
        self._open = open_thought
        self._turn: _Turn | None = None

    def take(self, placed: Placed) -> None:
        path, _, item = placed
        match item:
            case items.Message(role="assistant", content=content):
                self._turn_of(item.id).said.append(text_of(content, f"{path}.content"))
            case items.Message(role="user", content=content):
                self._say("user", content_of(content, f"{path}.content"))
            case items.Message(role=role, content=content):
                self._say(role, text_of(content, f"{path}.content"))
            case items.Reasoning():
                turn = self._turn_of(item.id)
                if thought := self._open(item.encrypted_content):
                    turn.thoughts.append(thought)
            case items.FunctionCall(arguments=arguments):
                self._call(item, arguments)
            case items.CustomCall(input=text):
                self._call(item, orjson.dumps({INPUT: text}).decode())
            case items.CallOutput(call_id=call_id, output=output):
                text, media = output_of(output, f"{path}.output")
                self._result({"role": "tool", "tool_call_id": call_id, "content": text}, media)

    def end(self) -> None:
        """The turn is over."""
        if self._turn is not None:
            self.messages += self._turn.messages()
            self._turn = None

    def _say(self, role: str, content: Any) -> None:
        self.end()
        self.messages.append({"role": role, "content": content})

    def _turn_of(self, item_id: object, *, calls: bool = False) -> _Turn:
        """The turn that an item of the assistant's belongs to. Behind results a thought or a text begins one; a call only where it is known
        to be of another answer."""
        own = OWN_ID.fullmatch(item_id) if isinstance(item_id, str) else None
        answer = own[1] if own else None
        turn = self._turn
        if turn is not None and turn.is_answered:
            is_another = bool(answer and turn.answer and answer != turn.answer)
            if is_another or not calls:
                self.end()
        if self._turn is None:
            self._turn = _Turn()
        self._turn.answer = answer or self._turn.answer
        return self._turn

    def _call(self, item: items.FunctionCall | items.CustomCall, arguments: str) -> None:
        function = {"name": flat(item.name, item.namespace), "arguments": arguments}
        call = {"id": item.call_id, "type": "function", "function": function}
        self._turn_of(item.id, calls=True).calls.append(call)

    def _result(self, result: JSONObject, media: list[JSONObject]) -> None:
        if self._turn is None:  # something else was said since the call, or there was none
            self.messages.append(result)
            if media:
                self.messages.append({"role": "user", "content": media})
            return
        self._turn.results.append(result)
        self._turn.media += media


def messages_of(instructions: str | None, placed: Sequence[Placed], open_thought: Open) -> list[JSONObject]:
    """The conversation. Raises ApiError(400) that names the part which cannot be carried."""
    history = _History(open_thought)
    if instructions:
        history.messages.append({"role": "system", "content": instructions})
    for each in placed:
        history.take(each)
    history.end()
    return history.messages
