"""Reading the environment: `FREEAI_*` variables, and secrets that live in the data directory when no variable gives them.

Nothing here raises and nothing writes. A value that cannot be used is noted in `refused` and its default stands in; the entrance
of every process (`freeai.entrance`) ends it in words before anything works with a default that nobody asked for.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Declared(NamedTuple):
    """How a variable is read."""

    default: Any
    parse: Callable[[str], Any]


known: set[str] = set()
declared: dict[str, Declared] = {}
refused: dict[str, str] = {}  # by variable: one sentence that names it and says what is allowed


def read(name: str, default: T, parse: Callable[[str], T]) -> T:
    """What the variable says, stripped; `default` where it is unset or empty. `parse` raises ValueError("one of …")."""
    known.add(name)
    declared[name] = Declared(default, parse)
    text = _given(name)
    return _parsed(name, name, text, parse, default) if text else default


def secret(name: str, file: Path, default: T, parse: Callable[[str], T]) -> T:
    """The variable, else what is in the file, else `default`: set-up has not made it yet."""
    known.add(name)
    declared[name] = Declared(default, parse)
    if text := _given(name):
        return _parsed(name, name, text, parse, default)
    try:
        text = file.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):  # of a data directory that is none, its own check speaks
        return default
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        refused[name] = f"{name} is not set, and {file}, which would hold it, cannot be read: {reason}."
        return default
    if not text:
        refused[name] = f"{name} is not set, and {file}, which would hold it, is empty: restore that file."
        return default
    return _parsed(name, f"{name} (from {file})", text, parse, default)


def is_given(name: str) -> bool:
    """Whether the variable says anything."""
    return bool(_given(name))


def _given(name: str) -> str:
    """Stripped. Blanks alone are refused: what is meant to close something would leave it open in silence."""
    text = os.environ.get(name, "")
    if text and not text.strip():
        refused[name] = f"{name} must not be blank: give it a value, or leave it out."
    return text.strip()


def _parsed(name: str, source: str, text: str, parse: Callable[[str], T], default: T) -> T:
    try:
        return parse(text)
    except ValueError as error:
        refused[name] = f"{source} must be {error}"
        return default
