"""What becomes of an account's quota, as a mark with a word and a time. Pure."""

from typing import Final

from msgspec import Struct

from apps.providers.forecast import Why
from apps.providers.outlook import Overall

WHY: Final[dict[Why, str]] = {
    "too_little_data": "A forecast needs three uses over ten minutes of the last hour.",
    "stale_data": "Nobody has looked at the counters lately.",
    "not_over_time": "Its windows are too short for a forecast.",
}


class Said(Struct, frozen=True):
    """`at`: the time behind the word, UTC epoch seconds. `first_model`: the one whose own windows end first, while others last; `first_at`:
    when, None where it is out already. `why`: why there is no forecast."""

    tone: str
    icon: str
    word: str
    at: float | None = None
    first_model: str = ""
    first_at: float | None = None
    why: str = ""


def said(overall: Overall | None, now: float) -> Said | None:
    """None where no window is limited."""
    if overall is None:
        return None
    forecast = overall.forecast.rounded(now)
    name, first_at = "", None
    if overall.first is not None:
        name, quota = overall.first
        first = quota.forecast.rounded(now)
        first_at = first.at if first.state == "runs_out" else None
    match forecast.state:
        case "out":
            return Said("warn", "clock", "Out until" if forecast.at else "Out", forecast.at)
        case "runs_out":
            return Said("warn", "alert", "Out ≈", forecast.at)
        case "lasts":
            return Said("ok", "check", "Lasts", None, name, first_at)
    why = WHY[forecast.why] if forecast.why else ""
    return Said("", "info", "No forecast yet", None, name, first_at, why)
