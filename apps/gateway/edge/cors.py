"""Cross-origin calls of web pages to the client API: off unless FREEAI_CORS_ORIGINS names their origins. Never with cookies.

Source: the Fetch standard, § 3.2 (CORS protocol).
"""

from typing import Final

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase

from apps.gateway.edge.http import Handler, LeanRequest
from apps.gateway.wire import surfaces

ANY: Final = "*"
METHODS: Final = "GET, POST, DELETE, OPTIONS"
MAX_AGE_S: Final = "7200"  # as long as Chromium remembers at most
EXPOSED: Final = ", ".join(
    (
        "x-request-id",
        "retry-after",
        *(
            f"x-freeai-{name}"
            for name in ("provider", "model", "strategy", "fallbacks", "dropped", "waited-ms")
        ),
        *(
            f"x-ratelimit-{name}-{of}"
            for of in ("requests", "tokens")
            for name in ("limit", "remaining", "reset")
        ),
    )
)


def answering_other_origins(inner: Handler) -> Handler:
    """Answer preflights, and let the pages of allowed origins read the answers."""

    async def handle(request: LeanRequest) -> HttpResponseBase:
        allowed = settings.FREEAI_CORS_ORIGINS
        if not allowed or not surfaces.is_served(request.path_info):
            return await inner(request)
        origin = request.META.get("HTTP_ORIGIN", "")
        permitted = ANY if ANY in allowed else origin if origin in allowed else ""
        if request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
            return _preflight(request, permitted)
        response = await inner(request)
        if permitted:
            response.headers["access-control-allow-origin"] = permitted
            response.headers["access-control-expose-headers"] = EXPOSED
        if permitted != ANY:
            response.headers["vary"] = "origin"
        return response

    return handle


def _preflight(request: LeanRequest, permitted: str) -> HttpResponse:
    """Whatever headers a page wants to send: which of them count, the request itself will tell."""
    response = HttpResponse(status=204)
    response.headers["vary"] = "origin, access-control-request-headers"
    if permitted:
        response.headers["access-control-allow-origin"] = permitted
        response.headers["access-control-allow-methods"] = METHODS
        response.headers["access-control-max-age"] = MAX_AGE_S
        if request.META.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
            response.headers["access-control-allow-private-network"] = "true"
        if wanted := request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
            response.headers["access-control-allow-headers"] = wanted
    return response
