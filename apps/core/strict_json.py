"""JSON that people send to be kept, by `/api` or by a form: nothing too large or too deep to be walked, no key twice, no number
that is none. Of half a character `/api` says in which field it is; a form has one field."""

import json
import re
from collections import Counter
from typing import Final

from django.conf import settings

from apps.core.json_bounds import MAX_DEPTH, holds_more_values, is_too_deep
from apps.core.json_types import JSONObject, JSONValue

MAX_SHOWN = 100
"""Characters of a key in an error."""
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that may be half of a character: most texts have none, and are not looked through."""


class TooManyValuesError(ValueError):
    """More values than anybody decodes."""

    def __init__(self) -> None:
        super().__init__(f"more than {settings.FREEAI_MAX_JSON_VALUES} JSON values")


def decode(body: bytes) -> JSONValue:
    """The value of a UTF-8 text. Raises ValueError with the end of "it is no such JSON: …", and TooManyValuesError before it decodes."""
    if holds_more_values(body, settings.FREEAI_MAX_JSON_VALUES):
        raise TooManyValuesError
    text = body.decode()
    try:
        value: JSONValue = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if isinstance(value, dict | list) and is_too_deep(value):
        raise ValueError(TOO_DEEP)
    return value


def refuse_halves(text: str) -> None:
    """Raises ValueError for half of a character in a text that `decode` takes: neither a database nor an answer can hold it."""
    if not HALF.search(text):
        return
    value = json.loads(text)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise ValueError(f"half of a character: \\u{ord(half):04x}") from None


def _once_each(pairs: list[tuple[str, JSONValue]]) -> JSONObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice[:MAX_SHOWN]!a} is there twice")
    return found


def _no_constant(name: str) -> JSONValue:
    """NaN and Infinity are no JSON."""
    raise ValueError(f"{name} is no JSON")
