"""What a log line leaves out: texts of exceptions, queries, and keys in what libraries say.

Our own lines name their fields, and hold nothing of a request. What an exception says, nobody knows beforehand: the key of a KeyError or
the literal of a ValueError may be a prompt.
"""

import errno
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, Final

from apps.core.redaction import mask

Event = MutableMapping[str, Any]
MOST_CAUSES: Final = 5
MOST_FRAMES: Final = 30
WITH_VALUES: Final = frozenset({"request"})
"""What Django adds to a record: its text is the whole URL."""
TOLD_IN_THE_FIRST_LINE: Final = frozenset({"asyncio"})
"""The lines behind it are texts of what went wrong."""


def frames_of_exception(_: Any, __: str, event: Event) -> Event:
    """Processor: where it happened, and its type."""
    error = _exception_of(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = "\ncaused by\n".join(_told(each) for each in _causes(error))
    return event


def of_libraries(_: Any, __: str, event: Event) -> Event:
    """Processor of what the standard library's loggers say."""
    for name in WITH_VALUES:
        event.pop(name, None)
    text = str(event.get("event", ""))
    if event.get("logger") in TOLD_IN_THE_FIRST_LINE:
        text = text.partition("\n")[0]
    event["event"] = mask(text)
    return event


def _exception_of(found: Any) -> BaseException | None:
    """As structlog and the standard library give it: itself, a triple, or true for the one that is being handled."""
    if isinstance(found, BaseException):
        return found
    if isinstance(found, tuple):
        error: BaseException | None = found[1]
        return error
    return sys.exc_info()[1] if found else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what it came from, and no circle."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < MOST_CAUSES:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _told(error: BaseException) -> str:
    kind = type(error)
    number = errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else ""
    return "".join(_frames(error.__traceback__)) + f"{kind.__module__}.{kind.__qualname__} {number}".rstrip()


def _frames(trace: TracebackType | None) -> list[str]:
    return traceback.format_tb(trace, limit=-MOST_FRAMES)
