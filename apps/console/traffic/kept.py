"""What was read a moment ago: a page that is fetched every few seconds, in several windows, reads the ledger once."""

from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

from apps.core import clock

T = TypeVar("T")
FOR_S: Final = 5.0
MOST: Final = 200
_kept: dict[Hashable, tuple[float, object]] = {}


def kept(key: Hashable, read: Callable[[], T], for_s: float = FOR_S) -> T:
    """What `read` gave for the key less than `for_s` seconds ago, or gives now. Of at most MOST keys the oldest goes."""
    found = _kept.get(key)
    if found is not None and clock.monotonic() - found[0] < for_s:
        return cast("T", found[1])
    return keep(key, read())


def keep(key: Hashable, value: T) -> T:
    """As if it had been read now."""
    _kept.pop(key, None)
    if len(_kept) >= MOST:
        _kept.pop(next(iter(_kept)), None)
    _kept[key] = (clock.monotonic(), value)
    return value


def forget() -> None:
    """Everything."""
    _kept.clear()
