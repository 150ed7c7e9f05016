"""Requests of the wrong shape, made of a right one: at each of its places something that it is not, one at a time, and a few of them at
once by a seeded choice."""

import random
from collections.abc import Iterator
from typing import Any, Final

Place = tuple[Any, ...]

JUNK: Final[tuple[Any, ...]] = (
    *(None, True, -1, 1e300, "", "x", [], {}),
    *([[]], [None], [{}], ["x"], [{"type": "text"}], [{"type": "text", "text": [1]}], [{"type": 5}]),
    *({"type": "text"}, {"type": []}, {"name": [1]}, {"name": {}}, {"text": "x"}, {"x": {"y": [[]]}}),
)
"""Of every type, and what stands in for a member that is read."""
GONE: Final = object()
"""Instead of a value: the member is not there."""
MOST_AT_ONCE: Final = 4


def misshapen(whole: Any, *, mixed: int, seed: int = 1) -> Iterator[Any]:
    """Every request with one place spoilt, and `mixed` ones with several."""
    spots = places(whole)
    for place in spots:
        for junk in (*JUNK, GONE):
            yield replaced(whole, place, junk)
    chosen = random.Random(seed)
    for _ in range(mixed):
        made = whole
        for _ in range(chosen.randint(2, MOST_AT_ONCE)):
            if held := places(made):
                made = replaced(made, chosen.choice(held), chosen.choice((*JUNK, GONE)))
        yield made


def places(value: Any, at: Place = ()) -> list[Place]:
    """Where each value is that another one holds."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, held in inner for place in [(*at, key), *places(held, (*at, key))]]


def replaced(value: Any, place: Place, junk: Any) -> Any:
    """A copy with something else there, or without it."""
    if not place:
        return junk
    copied = value.copy()
    if len(place) == 1 and junk is GONE:
        del copied[place[0]]
    else:
        copied[place[0]] = replaced(value[place[0]], place[1:], junk)
    return copied
