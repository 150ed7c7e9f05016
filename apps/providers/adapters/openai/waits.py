"""How long an upstream asks to wait, from every place where providers say it."""

import re
from collections.abc import Mapping
from datetime import UTC
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
    )
    wait = next((wait for wait in waits if wait is not None), None)
    return None if wait is None else min(wait, MAX_WAIT_S)


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
    """Seconds until a reset given as epoch milliseconds, epoch seconds or a duration."""
    reset = _duration(value)
    if reset is None or reset < EPOCH_S:
        return reset
    at = reset / 1000 if reset > EPOCH_MS else reset
    return None if now is None else max(at - now, 0.0)


def _http_date(value: str | None) -> float | None:
    """Epoch seconds of an HTTP date."""
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()
