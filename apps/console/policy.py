"""What the admin site's pages may load and do: files and calls of this server alone. No script and no style stands in a page."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

ROOMS = ("/admin/", "/sso/")
CONTENT_SECURITY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


@sync_and_async_middleware
def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Sends the policy with every answer of the admin site, errors included."""
    if iscoroutinefunction(get_response):
        asynchronous: Callable[[HttpRequest], Awaitable[HttpResponse]] = get_response

        async def answer_later(request: HttpRequest) -> HttpResponse:
            return _bound(request, await asynchronous(request))

        return answer_later

    def answer(request: HttpRequest) -> HttpResponse:
        return _bound(request, get_response(request))

    return answer


def _bound(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    if request.path.startswith(ROOMS):
        answer["Content-Security-Policy"] = CONTENT_SECURITY
        answer["Referrer-Policy"] = "same-origin"
    return answer
