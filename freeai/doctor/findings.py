"""What an examination finds."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from msgspec import Struct

Level = Literal["ok", "note", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "note", "warning", "error")
"""From well to bad. A note needs nothing done; an error keeps something from working, or will."""


class Finding(Struct, frozen=True):
    """A sentence, and what to do about it where that is known."""

    level: Level
    text: str
    remedy: str = ""


Examination = Callable[[], Iterator[Finding]]


def ok(text: str) -> Finding:
    return Finding("ok", text)


def note(text: str, remedy: str = "") -> Finding:
    return Finding("note", text, remedy)


def warning(text: str, remedy: str) -> Finding:
    return Finding("warning", text, remedy)


def error(text: str, remedy: str) -> Finding:
    return Finding("error", text, remedy)
