"""Reading JSON that is not quite JSON, as templates, proxies and tokenizers upstream leave it. For what a strict parser refuses."""

import json
import math
import re
from typing import Any

from apps.core.json_types import JSONValue

PADDING = " \t\r\n\0\ufeff"
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
SAFE_DIGITS = 18  # what any JSON writer takes as an integer
MOST_VALUES = 1_000
"""One behind the other. Inside of each they are counted before it is decoded, by the marks between them (`json_bounds`); here is none."""


def read_values(data: bytes) -> list[JSONValue]:
    """The values in `data`, one behind the other. Raises ValueError, also for more than MOST_VALUES.

    Taken as they are: raw control characters in strings. Replaced by U+FFFD: invalid UTF-8 and lone surrogates. None in place of NaN and
    numbers that are infinite.
    """
    text = data.decode("utf-8", "replace").strip(PADDING)
    values, at = [], 0
    try:
        while at < len(text):
            value, at = DECODER.raw_decode(text, at)
            values.append(value)
            if len(values) > MOST_VALUES:
                raise ValueError("too many values")
            while text[at : at + 1].isspace():
                at += 1
        return [_without_surrogates(value) for value in values] if SURROGATE.search(text) else values
    except RecursionError:
        raise ValueError("nested too deep") from None


def _whole(digits: str) -> int | float | None:
    return int(digits) if len(digits) <= SAFE_DIGITS else _number(digits)


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _nothing(_name: str) -> None:
    """NaN, Infinity, -Infinity."""


def _without_surrogates(value: Any) -> Any:
    """`value` with its texts as UTF-8 can say them."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
        case _:
            return value


DECODER = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_number, parse_constant=_nothing)
