"""The metrics as docs/OPERATIONS.md § 3.2 lists them, and as the code has them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from apps.analytics import metrics, quota_metrics  # noqa: F401 - importing registers them
from tests.documents import Document, codes

OF_THE_PROCESS = {"instance", "job"}
"""Labels that a scrape adds."""
GIVEN = {
    "up": set[str](),
    "process_resident_memory_bytes": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_open_fds": set[str](),
    "process_max_fds": set[str](),
}
"""Series that Prometheus and its client library make."""


class Metric(NamedTuple):
    """`name` as it is scraped: of a counter with `_total`."""

    name: str
    kind: str
    labels: tuple[str, ...]


def documented() -> list[Metric]:
    """The rows of the table."""
    return [
        Metric(codes(name)[0], kind, tuple(label for label in re.split(r", ?", labels) if label))
        for name, kind, labels, _ in Document("OPERATIONS.md").rows("3.2 Metrics")
    ]


def background_work() -> set[str]:
    """The values of `task` that the row of `freeai_background_up` lists."""
    (row,) = (
        row
        for row in Document("OPERATIONS.md").rows("3.2 Metrics")
        if codes(row[0]) == ["freeai_background_up"]
    )
    return set(codes(row[3]))


def in_code() -> list[Metric]:
    """Those of FreeAI that are registered."""
    return [
        Metric(
            f"{each._name}_total" if each._type == "counter" else each._name,
            str(each._type),
            tuple(each._labelnames),
        )
        for each in _registered()
    ] + [
        Metric(each.name, "gauge", each.labels)
        for each in list(REGISTRY._collector_to_names)
        if isinstance(each, quota_metrics.Windows)
    ]


def labels_of(series: str) -> set[str] | None:
    """Which labels a series has, those of a scrape included; None where no metric makes it."""
    for metric in in_code():
        if metric.kind == "histogram" and series in {
            f"{metric.name}{end}" for end in ("_bucket", "_sum", "_count")
        }:
            return {*metric.labels, "le"} | OF_THE_PROCESS
        if metric.kind != "histogram" and series == metric.name:
            return {*metric.labels} | OF_THE_PROCESS
    return GIVEN[series] | OF_THE_PROCESS if series in GIVEN else None


def _registered() -> Iterator[MetricWrapperBase]:
    for collector in list(REGISTRY._collector_to_names):
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("freeai_"):
            yield collector
