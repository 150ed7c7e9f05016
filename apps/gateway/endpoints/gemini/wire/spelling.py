"""Google's JSON has every name in two spellings, `maxOutputTokens` and `max_output_tokens`, which clients mix at any depth; and one thing
may stand for a list of one."""

import re
from typing import Any, Final

from apps.core.json_types import JSONObject

AS_IT_IS: Final = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "labels",
    }
)
"""Whose inner names are the client's own."""
LISTS: Final = frozenset({"contents", "parts", "tools", "functionDeclarations", "requests"})
LOW: Final = re.compile(r"_([a-z0-9])")


def camelised(value: Any) -> Any:
    """The same with names in one spelling, and lists where lists belong. As deep as the value is, which is bounded."""
    if isinstance(value, list):
        return [camelised(item) for item in value]
    if not isinstance(value, dict):
        return value
    made: JSONObject = {}
    for name, held in value.items():
        plain = camel(name)
        inner = held if plain in AS_IT_IS else camelised(held)
        made[plain] = [inner] if plain in LISTS and isinstance(inner, dict) else inner
    return made


def camel(name: str) -> str:
    """One name."""
    return LOW.sub(lambda found: found[1].upper(), name) if "_" in name else name
