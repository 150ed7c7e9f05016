"""Any value of a request replaced by what it is not."""

from typing import Any

JUNK: list[Any] = [None, True, -1, 1e300, "", "x", [], {}, [[]], {"type": "text"}, {"type": []}]


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything that a value holds, at every depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, held in inner for place in [(*at, key), *places(held, (*at, key))]]


def replaced(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """The value with `junk` at a place of it."""
    if not place:
        return junk
    copied = value.copy()
    copied[place[0]] = replaced(value[place[0]], place[1:], junk)
    return copied
