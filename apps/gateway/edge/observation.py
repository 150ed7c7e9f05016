"""What is counted and logged of each request of the lean handler, from its beginning to the last byte of its answer."""

import time

import structlog

from apps.analytics import metrics
from apps.gateway.edge.http import LeanRequest

log = structlog.get_logger("freeai.request")

NOBODY_LISTENED = 499


class Observation:
    """One request. `status` is that of its answer, once there is one."""

    __slots__ = ("_request", "_started", "status")

    def __init__(self, request: LeanRequest) -> None:
        self._request = request
        self._started = time.perf_counter()
        self.status = NOBODY_LISTENED
        metrics.request_started()

    def end(self) -> None:
        """The last byte was sent, or nobody wants it any more."""
        seconds = time.perf_counter() - self._started
        request = self._request
        match = request.resolver_match
        path = match.route if match else "unknown"
        metrics.request_ended(path, request.method or "", self.status, seconds)
        log.info(
            "request",
            id=request.ids.told,
            method=request.method,
            route=path,
            status=self.status,
            ms=round(seconds * 1000, 1),
        )
