"""Spellings to values: escapes in strings, the ranges of int and double."""

import math
import re
from typing import Final

from apps.strategies.expression.errors import ExpressionError

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

_PUNCTUATION: Final = dict(zip("abfnrtv\\?\"'`", "\a\b\f\n\r\t\v\\?\"'`", strict=True))
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<hex>[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<one>[\s\S]))"
)
_ALLOWED_ESCAPES: Final = (
    "\\a", "\\b", "\\f", "\\n", "\\r", "\\t", "\\v", "\\\\", "\\?", '\\"', "\\'", "\\`",
    "\\xHH", "\\uHHHH", "\\UHHHHHHHH", "\\000 to \\377",
)  # fmt: skip
_LAST_CODE_POINT: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)


def decode_string(text: str, position: int) -> str:
    """``text``, the inside of a literal that starts at ``position``, with its escapes replaced."""

    def replace(escape: re.Match[str]) -> str:
        if one := escape["one"]:
            if one not in _PUNCTUATION:
                message = f"{escape[0]} is not an escape sequence; a backslash itself is written \\\\"
                raise ExpressionError(position + escape.start(), message, _ALLOWED_ESCAPES)
            return _PUNCTUATION[one]
        code_point = int(escape["octal"], 8) if escape["octal"] else int(escape["hex"][1:], 16)
        if code_point > _LAST_CODE_POINT or code_point in _SURROGATES:
            raise ExpressionError(position + escape.start(), f"{escape[0]} is not a Unicode character")
        return chr(code_point)

    return _ESCAPE.sub(replace, text)


def parse_int(text: str, position: int, *, negative: bool) -> int:
    """The value of a decimal or 0x literal, negated if a minus stands before it. Raises outside int64."""
    magnitude = int(text, 16) if text.startswith("0x") else int(text)
    value = -magnitude if negative else magnitude
    if not INT_MIN <= value <= INT_MAX:
        raise ExpressionError(position, f"{value} is outside the range of int, {INT_MIN} to {INT_MAX}")
    return value


def parse_double(text: str, position: int) -> float:
    """The nearest double. Raises where that would be infinite."""
    value = float(text)
    if math.isinf(value):
        raise ExpressionError(position, f"{text} is outside the range of double")
    return value
