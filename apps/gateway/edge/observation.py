"""What is counted and logged of each request of the lean handler, from its beginning to the last byte of its answer."""

import time

import structlog

from apps.analytics import metrics
from apps.core import clock
from apps.gateway.edge.http import LeanRequest
from apps.gateway.traffic import spans
from apps.gateway.wire.surfaces import PREFIXES

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
        if spans.ON is not None:
            self._trace(spans.ON, seconds)
        request = self._request
        match = request.resolver_match
        path = match.route if match else "unknown"
        metrics.request_ended(path, request.method or "", self.status, seconds)
        log.info(
            "request",
            method=request.method,
            route=path,
            status=self.status,
            ms=round(seconds * 1000, 1),
        )

    def _trace(self, traced: spans.Spans, seconds: float) -> None:
        """A span of it, unless it is a probe."""
        request = self._request
        match = request.resolver_match
        if match is None or not match.route.startswith(PREFIXES):
            return
        attributes: dict[str, spans.Value] = {
            "http.request.method": request.method or "",
            "http.route": match.route,
            "http.response.status_code": self.status,
            "freeai.request_id": request.ids.told,
        }
        began = clock.now() - seconds
        header = request.META.get("HTTP_TRACEPARENT", "")
        traced.request_ended(request.ids.own, attributes, header, began=began, lasted_s=seconds)
