"""The Prometheus metrics of quotas: what is left, when the first is used up, and who was told of it."""

from collections.abc import Iterable
from itertools import islice

from prometheus_client import Counter, Gauge

from apps.analytics import metrics
from apps.analytics.metrics import LABEL, OTHER, harmless

OfWindow = tuple[str, str, float]  # provider, window, and what is told of it

_quota = Gauge(
    "freeai_quota_remaining_ratio",
    "Share of a quota window that is left, 0 to 1: the smallest over all credentials and models.",
    ["provider", "window"],
    multiprocess_mode="livemostrecent",
)
_quota_end = Gauge(
    "freeai_quota_runs_out_seconds",
    "Until a quota window is used up at the present pace, where that is before its reset; 0 when it is. The soonest of all.",
    ["provider", "window"],
    multiprocess_mode="livemostrecent",
)
_notices = Counter(
    "freeai_notices_total", "Tries to tell an operator that a day ends early.", ["channel", "outcome"]
)


@harmless
def notice_tried(channel: str, delivered: bool) -> None:
    """A notice went out by `channel`, or did not."""
    _notices.labels(channel, "delivered" if delivered else "failed").inc()


@harmless
def quotas_remaining(rows: Iterable[OfWindow]) -> None:
    """Replace what is known to be left of every provider's windows, 0 to 1.

    With several processes a window that is no longer reported keeps its last value until its process ends.
    """
    _replace(_quota, rows)


@harmless
def quotas_run_out(rows: Iterable[OfWindow]) -> None:
    """Replace what is known of the windows that end before their reset: in how many seconds."""
    _replace(_quota_end, rows)


def _replace(gauge: Gauge, rows: Iterable[OfWindow]) -> None:
    gauge.clear()
    for provider, window, value in islice(
        rows, metrics.MAX_CHILDREN
    ):  # however many providers somebody made up
        gauge.labels(provider if LABEL.fullmatch(provider) else OTHER, window).set(value)
