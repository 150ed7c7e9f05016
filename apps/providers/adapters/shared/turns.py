"""The order of roles, fitted to what an upstream takes: see `wires.Turns`. Nothing here changes what it is given."""

from typing import Any

from apps.core.json_types import JSONArray
from apps.providers.wires import Turns

from .history import Message, text_of

# Turns that say nothing, but are not empty, for upstreams that insist on one.
OPENING: Message = {"role": "user", "content": "(The conversation begins.)"}
GO_ON: Message = {"role": "user", "content": "(Please go on.)"}
BRIDGE: Message = {"role": "assistant", "content": "OK."}
MEDIA = {"type": "text", "text": "(This came with the results of the tools.)"}
SYSTEM = frozenset({"system", "developer"})


def arranged(messages: list[Message], turns: Turns, *, bridge: bool = False) -> list[Message]:
    """`messages`, paired and in the upstream's own roles, in an order that it takes. `bridge`: an assistant must follow a tool's result."""
    if turns.system != "anywhere":
        messages = _placed(messages, none=turns.system == "nowhere")
    if turns.alternate:
        messages = _joined(messages)
    if bridge:
        messages = _bridged(messages)
    if turns.user_first:
        messages = _opened(messages)
    if turns.last and (not messages or messages[-1].get("role") not in turns.last):
        messages = [*messages, GO_ON]
    return messages


def with_media_after(messages: list[Message]) -> list[Message]:
    """`messages` with what is not text in tools' results said by the user after them, for upstreams that take results as text only."""
    moved: list[Message] = []
    media: JSONArray = []
    for message in [*messages, None]:
        is_result = message is not None and message.get("role") == "tool"
        if media and not is_result:
            moved.append({"role": "user", "content": [MEDIA, *media]})
            media = []
        if message is None:
            break
        content = message.get("content")
        if is_result and isinstance(content, list):
            media += [part for part in content if not text_of([part])]
            message = message | {"content": text_of(content)}
        moved.append(message)
    return moved


def _placed(messages: list[Message], *, none: bool) -> list[Message]:
    """System messages at the beginning only, or none: what comes later is said by the user, at its place. One without anybody else
    to answer is the user's too."""
    leading = 0
    while not none and leading < len(messages) and messages[leading].get("role") in SYSTEM:
        leading += 1
    if leading == len(messages):
        leading = max(leading - 1, 0)
    rest = [
        message | {"role": "user"} if message.get("role") in SYSTEM else message
        for message in messages[leading:]
    ]
    return [*messages[:leading], *rest]


def _joined(messages: list[Message]) -> list[Message]:
    """One message where several of one role follow each other; tools' results stay apart."""
    joined: list[Message] = []
    for message in messages:
        before = joined[-1] if joined else None
        if before is None or message.get("role") != before.get("role") or message.get("role") == "tool":
            joined.append(message)
        else:
            joined[-1] = _both(before, message)
    return joined


def _both(first: Message, second: Message) -> Message:
    both = first | second
    both["content"] = _combined(first.get("content"), second.get("content"))
    if not both["content"] and not second.get("tool_calls"):
        both["content"] = ""
    return both


def _combined(first: Any, second: Any) -> Any:
    if not first or not second:
        return first or second
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> JSONArray:
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def _bridged(messages: list[Message]) -> list[Message]:
    """An assistant's turn between a tool's result and what anybody else says."""
    result: list[Message] = []
    for message in messages:
        if result and result[-1].get("role") == "tool" and message.get("role") not in ("tool", "assistant"):
            result.append(BRIDGE)
        result.append(message)
    return result


def _opened(messages: list[Message]) -> list[Message]:
    for position, message in enumerate(messages):
        role = message.get("role")
        if role == "assistant":
            return [*messages[:position], OPENING, *messages[position:]]
        if role not in SYSTEM:
            break
    return messages
