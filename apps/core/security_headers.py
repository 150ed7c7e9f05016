"""What every answer tells browsers: of what type it is, what a page may load, and that nobody may frame it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

NO_PAGE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For answers that no browser shows as a page."""
A_PAGE: Final = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
"""For pages, whose scripts and styles are files of this server."""
OF_API: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", NO_PAGE.encode()),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]
"""No cache keeps what was asked and answered, and no address that names it is told to another server."""


@sync_and_async_middleware
def middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Outermost, so that redirects, static files and refusals of other middleware have them too."""
    if iscoroutinefunction(get_response):
        asynchronous: Callable[[HttpRequest], Awaitable[HttpResponse]] = get_response

        async def answer_later(request: HttpRequest) -> HttpResponse:
            return _told(request, await asynchronous(request))

        return answer_later

    def answer(request: HttpRequest) -> HttpResponse:
        return _told(request, get_response(request))

    return answer


def of_api(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """For answers that are built without Django's middleware, as ASGI takes them. That https is to be used is told over https alone
    (RFC 6797 § 7.2)."""
    if not settings.SECURE_HSTS_SECONDS or not request.is_secure():
        return OF_API
    lifetime = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
    return [*OF_API, (b"strict-transport-security", lifetime.encode())]


def _told(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    is_page = response.get("Content-Type", "").startswith("text/html")
    response.headers.setdefault("Content-Security-Policy", A_PAGE if is_page else NO_PAGE)
    response.headers.setdefault("X-Frame-Options", "DENY")
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
