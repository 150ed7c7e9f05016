"""Reading JSON that is only roughly in the shapes that its sender documents."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject

from .missed import lost, refuse_missed

INDEX_DIGITS = 5
MAX_NESTED = 5
TEXT_NAMES = ("text", "content", "value", "refusal", "summary")
TEXT_TYPES = (None, "text", "output_text")
THOUGHTS = ("thinking", "reasoning", "thought")
CALL_TYPES = ("tool_use", "tool_call", "function_call", "function")


def as_dict(value: Any) -> JSONObject:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> JSONArray:
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_index(value: Any) -> int | None:
    """A place in a list, which some write as text."""
    if isinstance(value, str) and len(value) < INDEX_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int else None


def is_nothing(value: Any) -> bool:
    """Whether a member is as good as left out."""
    return value is None or value is False or value in ("", [], {})


def as_message(value: Any) -> JSONObject:
    """A message or a delta. What stands bare in the place of one is its content, and so is its `text` where it has no content."""
    if not isinstance(value, dict):
        return {} if is_nothing(value) else {"content": value}
    if is_nothing(value.get("content")) and not is_nothing(value.get("text")):
        return {name: inner for name, inner in value.items() if name != "text"} | {"content": value["text"]}
    return value


def split_content(content: Any, depth: int = 0) -> tuple[str, str]:
    """(reasoning, text) of a message's content: a string, or parts, of which the `thinking` ones of Mistral and
    Cohere are reasoning. A number is its text: so some write an answer in JSON mode.

    Raises UpstreamError(PARSING) for a part that has something of the answer in it and cannot be read.
    """
    if isinstance(content, str):
        return "", content
    if is_nothing(content):
        return "", ""
    if isinstance(content, list):
        read = [_split_part(part, depth) for part in content]
        return "".join(thought for thought, _ in read), "".join(text for _, text in read)
    if isinstance(content, dict):
        return _split_part(content, depth)
    return "", "true" if content is True else str(content)


def _split_part(part: Any, depth: int) -> tuple[str, str]:
    if isinstance(part, str):
        return "", part
    if is_nothing(part):
        return "", ""
    if not isinstance(part, dict) or depth > MAX_NESTED:
        raise lost()
    thought = "".join(split_content(part.get("thinking"), depth + 1))
    inner, text = split_content(_first_said(part), depth + 1)
    if not (thought or inner or text):
        _refuse_unread(part)
    if part.get("type") in THOUGHTS or part.get("thought") is True:
        return thought + inner + text, ""
    return thought + inner, text


def _first_said(part: JSONObject) -> Any:
    return next((part[name] for name in TEXT_NAMES if not is_nothing(part.get(name))), None)


def _refuse_unread(part: JSONObject) -> None:
    """An image or a reference is no text; but what claims to be one, or says nothing of its type, may hold it under any name."""
    refuse_missed(part)
    kind = part.get("type")
    if kind in CALL_TYPES and not is_nothing(part.get("name")):
        raise lost()
    if kind in TEXT_TYPES and part.keys().isdisjoint((*TEXT_NAMES, "thinking")):
        rest = (value for name, value in part.items() if name != "type")
        if not all(map(is_nothing, rest)):
            raise lost()
