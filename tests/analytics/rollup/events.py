"""Random usage events, and what they come to by plain counting."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from apps.analytics.events import UsageEvent
from apps.analytics.models import (
    CarriedUsage,
    DailyRollup,
    LedgerHorizon,
    UnrolledHour,
    UsageDigest,
    UsageEventRow,
)
from apps.analytics.rollup.pending import roll_up_pending
from apps.core.ids import uuid7
from tests.analytics.conftest import Ledger

NOW = datetime(2026, 3, 1, 12, 30, 30, tzinfo=UTC)
"""In the second month after a change of the year, and beside the end of one."""


def ago(**back: float) -> float:
    """UTC epoch seconds of a moment before NOW."""
    return (NOW - timedelta(**back)).timestamp()


def empty(ledger: Ledger) -> None:
    """As it was made: hypothesis has one ledger for all its examples."""
    for model in (UsageEventRow, CarriedUsage, DailyRollup, UsageDigest, UnrolledHour, LedgerHorizon):
        model.objects.using(ledger.alias).all().delete()


def made(seconds_ago: float, ended: bool, refused: bool, **fields: Any) -> UsageEvent:
    if refused:
        fields |= {"provider": "", "outcome": "refused", "latency_ms": None, "ttfb_ms": None}
        fields |= {"cost_microusd": None, "saved_microusd": None, "fallback_position": 1}
    else:
        fields["stands_for"] = 1
    return UsageEvent(
        id=uuid7(),
        at=round(NOW.timestamp() - seconds_ago, 6),
        request_id="r",
        request_uuid=uuid7(),
        is_last=ended or refused,
        **fields,
    )


def events(days: float) -> st.SearchStrategy[UsageEvent]:
    """An event of the last so many days before NOW."""
    price = st.none() | st.integers(0, 10**7)
    milliseconds = st.none() | st.integers(1, 10**8).map(lambda us: us / 1000)
    return st.builds(
        made,
        st.integers(1, int(days * 86_400_000)).map(lambda ms: ms / 1000),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
        user_id=st.sampled_from([1, 2]),
        client_id=st.sampled_from([None, 7, 8]),
        provider=st.sampled_from(["alpha", "beta"]),
        model=st.sampled_from(["small", "large"]),
        strategy=st.sampled_from(["", "auto"]),
        outcome=st.sampled_from(["success", "success", "error", "cancelled", "interrupted"]),
        error_kind=st.sampled_from(["", "network", "model_gone"]),
        latency_ms=milliseconds,
        ttfb_ms=milliseconds,
        prompt_tokens=st.integers(0, 10**6),
        completion_tokens=st.integers(0, 10**6),
        cached_tokens=st.integers(0, 10**6),
        reasoning_tokens=st.integers(0, 10**6),
        cost_microusd=price,
        saved_microusd=price,
        fallback_position=st.integers(1, 4),
        stands_for=st.integers(1, 1000),
        charged=st.sampled_from([{}, {}, {"images": 2}, {"images": 1, "audio_seconds": 30}]),
    )


def roll_up_all(ledger: Ledger, now: datetime = NOW) -> None:
    done = roll_up_pending(now.timestamp(), budget_s=600, using=ledger.alias)
    assert not done.left and not done.overtaken
