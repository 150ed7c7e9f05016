"""A message history as Gemini's turns.

Gemini wants turns of user and model that alternate, the first and the last by the user, and after a turn of
function calls one turn that answers all of them, in their order. `paired` sees to the order of calls and results;
here turns of one side are merged, and where one is missing at an end the neutral `OPENING` or `GO_ON` is put in.
"""

from collections import deque

import orjson

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.history import modernised, named_args, paired, text_of
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.values import as_dict, as_list, as_text

from .families import Family, family_of
from .parts import Part, content_parts, media_parts
from .signatures import SENTINEL, split_id

Content = JSONObject

OPENING = "(The conversation begins.)"
GO_ON = "(Please go on.)"


class _History:
    """Builds the turns, message by message, of a history that is paired. Media in a tool's result come after all
    responses of the turn, as do the user's words."""

    def __init__(self, model: str, fit_name: Naming) -> None:
        self._model = model
        self._fit_name = fit_name
        self._family = family_of(model)
        self._contents: list[Content] = []
        self._calls: deque[str] = deque()
        self._responses: list[Part] = []
        self._said: list[Part] = []

    def add(self, message: JSONObject, where: str) -> None:
        match message.get("role"):
            case "assistant":
                self._add_answer(message, where)
            case "tool":
                self._add_result(message, where)
            case _:
                self._said += content_parts(message.get("content"), f"{where}.content")

    def finish(self) -> list[Content]:
        """The turns, with a user's at both ends."""
        self._end_user_turn()
        contents = self._contents
        if not contents or contents[0]["role"] == "model":
            contents.insert(0, {"role": "user", "parts": [{"text": OPENING}]})
        if contents[-1]["role"] == "model":
            contents.append({"role": "user", "parts": [{"text": GO_ON}]})
        return contents

    def _add_answer(self, message: JSONObject, where: str) -> None:
        self._end_user_turn()
        text = text_of(message.get("content")) or as_text(message.get("refusal"))
        calls = list(map(as_dict, as_list(message.get("tool_calls"))))
        if calls and self._family is Family.GEMMA_3:
            raise cannot_say(f"{self._model} takes no tool calls", f"{where}.tool_calls")
        parts: list[Part] = [{"text": text}] if text else []
        parts += [self._call_part(call, is_first=at == 0) for at, call in enumerate(calls)]
        self._add_turn("model", parts)

    def _call_part(self, call: JSONObject, is_first: bool) -> Part:
        call_id, signature = split_id(as_text(call.get("id")), self._model)
        name, args = named_args(call)
        name = self._fit_name(name)
        self._calls.append(name)
        function = {"name": name, "args": args}
        part: Part = {"functionCall": {"id": call_id, **function} if call_id else function}
        if signature is None and is_first and self._family is Family.GEMINI_3:
            signature = SENTINEL
        return part if signature is None else part | {"thoughtSignature": signature}

    def _add_result(self, message: JSONObject, where: str) -> None:
        """The functionResponse of the next call; ids are sent where there are any."""
        content = message.get("content")
        call_id, _ = split_id(as_text(message.get("tool_call_id")), self._model)
        response = {"name": self._calls.popleft(), "response": _response(text_of(content))}
        self._responses.append({"functionResponse": {"id": call_id, **response} if call_id else response})
        self._said += media_parts(content, f"{where}.content")

    def _end_user_turn(self) -> None:
        parts = self._responses + self._said
        self._responses, self._said = [], []
        self._add_turn("user", parts)

    def _add_turn(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        if self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"] += parts
        else:
            self._contents.append({"role": role, "parts": parts})


def build_contents(messages: list[JSONObject], model: str, fit_name: Naming) -> tuple[str, list[Content]]:
    """(system instruction, turns). Messages of roles system and developer are joined, wherever they stand; for
    Gemma 3, which has no system instruction, they begin the first turn.

    Raises UpstreamError(REFUSED) for what this wire cannot say.
    """
    history = _History(model, fit_name)
    system = []
    for position, message in paired(modernised(messages)):
        if message.get("role") in ("system", "developer"):
            system.append(text_of(message.get("content")))
        else:
            history.add(message, f"messages[{position}]")
    instruction = "\n\n".join(text for text in system if text)
    contents = history.finish()
    if instruction and family_of(model) is Family.GEMMA_3:
        first = contents[0]
        return "", [first | {"parts": [{"text": instruction}, *first["parts"]]}, *contents[1:]]
    return instruction, contents


def _response(text: str) -> JSONObject:
    """A tool's result as the object that Gemini wants: itself where it is one."""
    if text.lstrip().startswith("{"):
        try:
            return as_dict(orjson.loads(text))
        except orjson.JSONDecodeError:
            pass
    return {"output": text}
