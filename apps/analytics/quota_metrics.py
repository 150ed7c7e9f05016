"""The Prometheus metrics of quotas: what is left, when the first is used up, and who was told of it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.analytics import metrics, shared_metrics
from apps.analytics.metrics import LABEL, OTHER, harmless

OfWindow = tuple[str, str, float]  # provider, window, and what is told of it


class Windows(Collector):
    """A gauge of every provider's windows. Each process that is asked looks at all of them, so that no other has a part in it."""

    labels: Final = ("provider", "window")

    def __init__(self, name: str, documentation: str) -> None:
        self.name, self._documentation = name, documentation
        self._rows: dict[tuple[str, str], float] = {}
        REGISTRY.register(self)
        shared_metrics.alone.append(self)

    def replace(self, rows: Iterable[OfWindow]) -> None:
        """These, and no others."""
        known = islice(rows, metrics.MAX_CHILDREN)  # however many providers somebody made up
        self._rows = {
            (provider if LABEL.fullmatch(provider) else OTHER, window): value
            for provider, window, value in known
        }

    def collect(self) -> Iterator[GaugeMetricFamily]:
        told = GaugeMetricFamily(self.name, self._documentation, labels=self.labels)
        for labels, value in self._rows.items():
            told.add_metric(labels, value)
        yield told


_quota: Final = Windows(
    "freeai_quota_remaining_ratio",
    "Share of a quota window that is left, 0 to 1: the smallest over all credentials and models.",
)
_quota_end: Final = Windows(
    "freeai_quota_runs_out_seconds",
    "Until a quota window is used up at the present pace, where that is before its reset; 0 when it is. The soonest of all.",
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
    """Replace what is known to be left of every provider's windows, 0 to 1."""
    _quota.replace(rows)


@harmless
def quotas_run_out(rows: Iterable[OfWindow]) -> None:
    """Replace what is known of the windows that end before their reset: in how many seconds."""
    _quota_end.replace(rows)
