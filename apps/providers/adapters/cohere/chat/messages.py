"""A message history in Cohere's words.

Cohere wants every tool result to answer a call of the turn before, and no text beside tool calls: what the model
said before it called is its `tool_plan`, or thinking where thinking is on; answers bring it as reasoning (see
`response`). Turns that say nothing are left out; reasoning is not given back.
"""

from typing import Any

import orjson

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.history import Message, modernised, named_args, paired, text_of, unsigned
from apps.providers.adapters.shared.media import canonical_uri
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.values import as_dict, as_list, as_text

ROLES = {"developer": "system", "system": "system", "user": "user"}


def build_messages(messages: list[Message], fit_name: Naming, *, thinks: bool) -> list[Message]:
    """The history as Cohere takes it; `thinks`: whether thinking is on for the answer.

    Raises UpstreamError(REFUSED) for parts of content that Cohere does not have.
    """
    built = []
    for position, message in paired(modernised(messages)):
        where = f"messages[{position}]"
        match message.get("role"):
            case "assistant":
                fitted = _assistant(message, fit_name, thinks)
            case "tool":
                fitted = _tool_result(message, where)
            case role:
                fitted = _said(ROLES.get(str(role), "user"), message.get("content"), where)
        if fitted is not None:
            built.append(fitted)
    return built


def _assistant(message: Message, fit_name: Naming, thinks: bool) -> Message | None:
    text = text_of(message.get("content")) or as_text(message.get("refusal"))
    calls = [_call(as_dict(call), fit_name) for call in as_list(message.get("tool_calls"))]
    if not calls:
        return {"role": "assistant", "content": text} if text else None
    fitted: Message = {"role": "assistant", "tool_calls": calls}
    if not text:
        return fitted
    if thinks:
        return fitted | {"content": [{"type": "thinking", "thinking": text}]}
    return fitted | {"tool_plan": text}


def _call(call: JSONObject, fit_name: Naming) -> JSONObject:
    name, args = named_args(call)
    function = {"name": fit_name(name), "arguments": orjson.dumps(args).decode()}
    return {"id": unsigned(as_text(call.get("id"))), "type": "function", "function": function}


def _tool_result(message: Message, where: str) -> Message:
    content = message.get("content")
    for position, part in enumerate(content if isinstance(content, list) else []):
        if isinstance(part, dict) and part.get("type") != "text":
            raise cannot_say("Cohere takes tool results as text only", f"{where}.content[{position}]")
    tool_id = unsigned(as_text(message.get("tool_call_id")))
    return {"role": "tool", "tool_call_id": tool_id, "content": text_of(content)}


def _said(role: str, content: Any, where: str) -> Message | None:
    """What the user or the system says: text as a string, parts only where there is more than text."""
    parts = as_list(content)
    if role == "system" or not any(
        as_dict(part).get("type") != "text" for part in parts if isinstance(part, dict)
    ):
        text = text_of(content)
        return {"role": role, "content": text} if text else None
    fitted = [_part(part, f"{where}.content[{position}]") for position, part in enumerate(parts)]
    return {"role": role, "content": [part for part in fitted if part.get("text") != ""]}


def _part(part: Any, where: str) -> JSONObject:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    part = as_dict(part)
    if part.get("type") == "text":
        return {"type": "text", "text": as_text(part.get("text"))}
    if part.get("type") != "image_url":
        raise cannot_say(f"Cohere takes no content parts of type {str(part.get('type'))[:40]!r}", where)
    link = part.get("image_url")
    link = {"url": link} if isinstance(link, str) else as_dict(link)
    link = link | {"url": canonical_uri(as_text(link.get("url")))}
    return {
        "type": "image_url",
        "image_url": {name: link[name] for name in ("url", "detail") if link.get(name)},
    }
