"""Reading JSON that is only roughly in the shapes that its sender documents."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject

INDEX_DIGITS = 5


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


def split_content(content: Any) -> tuple[str, str]:
    """(reasoning, text) of a message's content: a string, or parts, of which the `thinking` ones of Mistral and
    Cohere are reasoning."""
    if isinstance(content, str):
        return "", content
    if isinstance(content, dict):
        content = [content]
    reasoning, texts = [], []
    for part in as_list(content):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            thinking = part.get("thinking")
            reasoning.append(thinking if isinstance(thinking, str) else split_content(thinking)[1])
            texts.append(as_text(part.get("text")))
    return "".join(reasoning), "".join(texts)
