"""Reading `.env` files: `NAME=value` lines, as shells, Docker and the usual libraries write them.

Nothing is expanded and nothing is run. A value that another reader would understand differently is not guessed at: it has an
`objection` instead. No text of a file is ever in an error.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

MAX_BYTES = 256 * 1024
ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
CLOSING = {'"': re.compile(r'((?:[^"\\]|\\.)*)"\s*(#.*)?'), "'": re.compile(r"([^']*)'\s*(#.*)?")}
COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
ESCAPED = re.compile(r"\\(.)")
EXPANDED = re.compile(r"(?<!\\)\$[A-Za-z_{(]|`")


class EnvFileError(ValueError):
    """A file that cannot be read as one. The message names the line where there is one, and repeats nothing of it."""


class Value(Struct, frozen=True):
    """What a variable holds, or why that cannot be told (`text` is empty then)."""

    text: str = ""
    objection: str = ""


def read(path: Path) -> dict[str, Value]:
    """The variables of the file; of a name that is set twice the last counts. Raises EnvFileError, OSError."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise EnvFileError(f"it is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EnvFileError("it is not text in UTF-8") from error
    return parse(text)


def parse(text: str) -> dict[str, Value]:
    """The variables of a file's text. Raises EnvFileError."""
    lines = enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1)
    found: dict[str, Value] = {}
    for number, line in lines:
        if assigned := ASSIGNMENT.fullmatch(line.strip()):
            name, rest = assigned.groups()
            found[name] = _value(rest.lstrip(), number, (text for _, text in lines))
    return found


def _value(rest: str, number: int, following: Iterable[str]) -> Value:
    quote = rest[:1]
    if quote not in CLOSING:
        return _told(COMMENT.sub("", rest, count=1).rstrip(), expands=True)
    if (closed := CLOSING[quote].fullmatch(rest, 1)) is None:
        return _unclosed(rest, quote, number, following)
    inner: str = closed[1]
    if quote == "'":
        return _told(inner, expands=False)
    told = _told(inner, expands=True)
    return Value(ESCAPED.sub(_unescaped, told.text), told.objection)


def _told(text: str, *, expands: bool) -> Value:
    if expands and EXPANDED.search(text):
        return Value(
            objection="it refers to another variable or a command: write the value out, or in single quotes"
        )
    return Value(text)


def _unclosed(rest: str, quote: str, number: int, following: Iterable[str]) -> Value:
    """A value that goes on in the next lines, which are used up; or text behind its closing quote. Raises EnvFileError."""
    if next(_quotes(rest[1:], quote), None) is not None:
        return Value(objection="there is text behind its closing quote")
    for line in following:
        if next(_quotes(line, quote), None) is not None:
            return Value(objection="it spans several lines")
    raise EnvFileError(f"line {number}: the quote is never closed")


def _quotes(text: str, quote: str) -> Iterator[int]:
    """Where the quote stands, those behind a backslash left out where one has a meaning."""
    escaped = False
    for place, character in enumerate(text):
        if character == quote and not escaped:
            yield place
        escaped = character == "\\" and not escaped and quote == '"'


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1])
