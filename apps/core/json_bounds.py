"""How much JSON may hold, and how deep it may nest: hostile input ends in an answer, not in a RecursionError or a second of decoding.

25 MB of `[[],[],…]` are eight million objects: 2 s of the event loop and 770 MB. So values are counted in the bytes first.
"""

import re
from typing import Final

import msgspec

from apps.core.json_types import JSONArray, JSONObject, JSONValue

MAX_DEPTH: Final = 100
MARKS: Final = b",[{:"
"""Each value but the first comes after one of these, and so does each key, which counts as one."""
UNMARKED: Final = bytes(byte for byte in range(256) if byte not in MARKS)
IDLE: Final = bytes(byte for byte in range(256) if byte not in b',:[]{}"0123456789el')
"""What neither parts values nor ends one: without it, prose is a fifth of its length."""
UNBRACKETED: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
EMPTY: Final = (b"[]", b"{}")
"""What begins and holds no value."""
OPENING: Final = (b"[", b"{")
OPENINGS: Final = re.compile(rb"[\[{]{0,65000}")
PIECE: Final = 64 * 1024
SKIMMED: Final = msgspec.json.Decoder(msgspec.Raw)


def holds_more_values(text: bytes, most: int) -> bool:
    """Whether a JSON text holds more than about `most` values. Reads no further than it must: a few milliseconds for what it refuses.

    A large text with few values is read once, and twice where its strings hold many marks: at 1 to 2 ms a megabyte, at 8 where they
    hold nothing but escapes. What is no JSON gets some answer.
    """
    return len(text) > most and _marks_exceed(text, most) and _values_exceed(text, most)


def is_json(text: bytes | bytearray) -> bool:
    """Whether a text is a whole JSON value, without making anything of it: some milliseconds for megabytes, whatever they hold."""
    try:
        SKIMMED.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def nests_deeper(text: bytes, most: int = MAX_DEPTH) -> bool:
    """Whether a JSON text nests deeper than `most` levels. What is no JSON gets some answer."""
    if text.count(b"[") + text.count(b"{") <= most:
        return False
    outside = b"".join(text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    brackets = outside.translate(ONE_KIND, UNBRACKETED)
    for level in range(most):
        left = brackets.replace(b"[]", b"")  # a level less
        if left == brackets:  # those that are left close nothing, or are not closed
            return level + left.count(b"[") > most
        brackets = left
    return bool(brackets)


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


def _marks_exceed(text: bytes, most: int) -> bool:
    """An upper bound: strings may hold marks too."""
    marks = 0
    for start in range(0, len(text), PIECE):
        marks += _marks(text[start : start + PIECE])
        if marks > most:
            return True
    return False


def _values_exceed(text: bytes, most: int) -> bool:
    """The marks outside of strings: between the quotes that no backslash escapes.

    Each string is a value and has two of those, and each bracket that opens begins one: what has more of them than that is no JSON, and
    is not looked at to its end.
    """
    values = start = quotes = openings = 0
    while start < len(text):
        part = _piece(text, start)
        start += len(part)
        if b'"' in part and b'\\"' in part:
            part = part.replace(b"\\\\", b"").replace(b'\\"', b"")
        inside = quotes % 2
        quotes += part.count(b'"')
        if quotes > 2 * (most + 1):
            return True
        outside = b'"'.join(part.translate(None, IDLE).split(b'"')[inside::2])
        if marks := _marks(outside):
            values += marks - sum(map(outside.count, EMPTY))
            openings += sum(map(outside.count, OPENING))
        if values > most or openings > most + 1:
            return True
    return False


def _marks(part: bytes) -> int:
    return len(part.translate(None, UNMARKED))


def _piece(text: bytes, start: int) -> bytes:
    """Where a piece may end: behind what a backslash escapes, and not between a bracket and the one that closes it."""
    end = start + PIECE
    if text[end - 1 : end] in OPENING:
        end = OPENINGS.match(text, end).end() + 1  # type: ignore[union-attr]  # it matches everywhere
    part = text[start:end]
    if (len(part) - len(part.rstrip(b"\\"))) % 2:
        part = text[start : end + 1]
    return part
