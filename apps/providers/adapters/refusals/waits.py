"""How long an upstream asks to wait, from every place where providers say it."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .details import Details

MAX_WAIT_S = 86_400.0
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
PIECE = (
    r"\d+(?:\.\d+)?\s*"
    r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])\s*"
)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
DURATION = re.compile(rf"(?:{PIECE})+", re.IGNORECASE)
PIECES = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|mil|s|m|h|d)[a-z]*", re.IGNORECASE)
PROSE = re.compile(rf"\b(?:retry|again|wait)\s+(?:in\s+|after\s+|for\s+)?((?:{PIECE})+)", re.IGNORECASE)
# Epoch values: above 1e11 they can only be milliseconds, above 1e9 seconds; what is smaller is a duration.
EPOCH_MS, EPOCH_S = 1e11, 1e9
REMAINING = "x-ratelimit-remaining-"


def parse_duration(text: str) -> float | None:
    """Seconds in "7.66s", "2m59.56s", "825ms", "1h2m", "84893 seconds" or "26.28"; None for anything else."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return float(text)
    if not DURATION.fullmatch(text):
        return None
    pieces = ((float(amount), unit.lower()) for amount, unit in PIECES.findall(text))
    return sum(amount * UNITS_S["ms" if unit == "mil" else unit] for amount, unit in pieces)


def retry_after_s(headers: Mapping[str, str], details: Details) -> float | None:
    """Seconds to wait, at most a day; None where the upstream does not say. Header names are lower case.

    An absolute time counts from the answer's own `date` header; without one it is not used.
    """
    now = _http_date(headers.get("date"))
    prose = PROSE.search(details.message) or PROSE.search(details.hints)
    waits = (
        _scaled(headers.get("retry-after-ms"), 0.001),
        _retry_after(headers.get("retry-after"), now),
        _duration(details.wait),
        _duration(headers.get("x-ratelimit-timeremaining")),
        _duration(prose[1]) if prose else None,
        _until(headers.get("x-ratelimit-reset"), now),
        _until(details.reset, now),
        max(
            (_spent_reset(headers, name, now) for name in _spent(headers)),
            default=None,
            key=lambda s: s or 0.0,
        ),
    )
    wait = next((wait for wait in waits if wait is not None), None)
    return None if wait is None else min(wait, MAX_WAIT_S)


def spent_windows(headers: Mapping[str, str]) -> list[str]:
    """ "PerMinute", "PerMonth", … for each window of which the headers say that nothing is left, where its name is in
    theirs (Mistral, Cerebras, SambaNova)."""
    units = (name.rpartition("-")[2] for name in _spent(headers))
    return [f"Per{unit.title()}" for unit in units if unit in ("second", "minute", "hour", "day", "month")]


def _spent(headers: Mapping[str, str]) -> Iterator[str]:
    """What follows `x-ratelimit-remaining-` in the names of the headers that say 0."""
    for name, value in headers.items():
        if name.startswith(REMAINING) and value.strip() == "0":
            yield name.removeprefix(REMAINING)


def _spent_reset(headers: Mapping[str, str], window: str, now: float | None) -> float | None:
    """Seconds until a spent window opens, where the reset is an instant (SambaNova). A duration is left alone: Groq's is the
    time until the window is full again."""
    reset = headers.get(f"x-ratelimit-reset-{window}")
    at = _instant(reset)
    return max(at - now, 0.0) if at is not None and now is not None else None


def _retry_after(value: str | None, now: float | None) -> float | None:
    if (wait := _duration(value)) is not None:
        return wait
    at = _http_date(value)
    return max(at - now, 0.0) if at is not None and now is not None else None


def _duration(value: Any) -> float | None:
    return parse_duration(str(value)) if isinstance(value, str | int | float) else None


def _scaled(value: str | None, factor: float) -> float | None:
    wait = _duration(value)
    return None if wait is None else wait * factor


def _until(value: Any, now: float | None) -> float | None:
    """Seconds until a reset given as an instant or a duration."""
    at = _instant(value)
    if at is None:
        return _duration(value)
    return None if now is None else max(at - now, 0.0)


def _instant(value: Any) -> float | None:
    """Epoch seconds of epoch milliseconds, epoch seconds or ISO 8601; None for anything else, durations included."""
    reset = _duration(value)
    if reset is not None:
        return None if reset < EPOCH_S else reset / 1000 if reset > EPOCH_MS else reset
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if at is None else at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def _http_date(value: str | None) -> float | None:
    """Epoch seconds of an HTTP date."""
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the second for years and offsets without end
        return None
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()
