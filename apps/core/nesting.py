"""How deep JSON may nest: recursion over hostile input ends in an answer, not in a RecursionError."""

from typing import Final

from apps.core.json_types import JSONArray, JSONObject, JSONValue

MAX_DEPTH: Final = 100


def is_too_deep(value: JSONValue) -> bool:
    """Whether dicts and lists nest deeper than MAX_DEPTH levels below `value`. Does not recurse."""
    level: list[JSONObject | JSONArray] = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
