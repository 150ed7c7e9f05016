"""What is remembered of a key's lists and of its account, in `Credential.account_facts`:

{"list": {"read_at", "models", "error", "failures", "short_since"}, "account": {"read_at", "facts", "error"}}, times in ISO form.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.providers.listing.comparing import Memory
from apps.providers.models import Credential

DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
VOUCHES_FOR: Final = 3 * DAY
"""A list that was read longer ago says nothing of what there is today."""
SHORT_FOR: Final = timedelta(hours=20)
INTERRUPTED_AFTER: Final = timedelta(minutes=10)
MAX_DOUBLINGS: Final = 3


def remembered(credential: Credential, name: str) -> JSONObject:
    """The part of that name; {} where there is none."""
    facts = credential.account_facts
    part = facts.get(name) if isinstance(facts, dict) else None
    return part if isinstance(part, dict) else {}


def time_of(part: JSONObject, name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(part[name])
    except (KeyError, TypeError, ValueError):
        return None


def memory_of(credential: Credential, others: Iterable[Credential], now: datetime) -> Memory:
    """`others`: the provider's other credentials that are in use."""
    last = remembered(credential, "list")
    short_since = time_of(last, "short_since")
    return Memory(
        withheld=frozenset(credential.withheld),
        elsewhere=tuple(frozenset(other.withheld) for other in others if vouches(other, now)),
        size=_count(last.get("models")),
        is_short_again=short_since is not None and now - short_since >= SHORT_FOR,
    )


def vouches(credential: Credential, now: datetime) -> bool:
    """Whether its list was read lately, so that what it shows is there."""
    read_at = time_of(remembered(credential, "list"), "read_at")
    return read_at is not None and now - read_at < VOUCHES_FOR


def is_due(credential: Credential, now: datetime) -> bool:
    """Whether its list is read again today: once a day, and less often the more often that failed. A reading that was cut off by the end
    of its process is begun anew."""
    if credential.listed_at is None:
        return True
    last = remembered(credential, "list")
    ended = [moment for name in ("read_at", "failed_at") if (moment := time_of(last, name))]
    if not ended or max(ended) < credential.listed_at:
        return now - credential.listed_at >= INTERRUPTED_AFTER
    doublings = min(_count(last.get("failures")), MAX_DOUBLINGS)
    return bool(now - credential.listed_at >= DAY * 2**doublings)


def after_success(
    credential: Credential, models: int, *, is_doubtful: bool, is_short: bool, now: datetime
) -> JSONObject:
    """A list of which something is doubted does not count for how many models there are; only a short one for how long it is short."""
    last = remembered(credential, "list")
    told: JSONObject = {"read_at": now.isoformat(), "models": models, "error": "", "failures": 0}
    if is_doubtful:
        told["models"] = _count(last.get("models"))
        if short_since := last.get("short_since") or (now.isoformat() if is_short else None):
            told["short_since"] = short_since
    return told


def after_failure(credential: Credential, error: str, now: datetime) -> JSONObject:
    last = remembered(credential, "list")
    return last | {
        "failed_at": now.isoformat(),
        "error": error,
        "failures": min(_count(last.get("failures")) + 1, MAX_DOUBLINGS),
    }


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
