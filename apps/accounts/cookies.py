"""The cookies of `/api`: scripts cannot read them, other sites cannot send them, and behind https nothing else carries them."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from apps.accounts.jwts import Pair

ACCESS = "freeai_access"
REFRESH = "freeai_refresh"
PATHS = {ACCESS: "/api", REFRESH: "/api/auth"}


def put(response: HttpResponse, pair: "Pair") -> None:
    """Let the browser keep the pair for as long as each of them lives."""
    lifetimes = settings.SIMPLE_JWT
    _put(response, ACCESS, pair.access, lifetimes["ACCESS_TOKEN_LIFETIME"].total_seconds())
    _put(response, REFRESH, pair.refresh, lifetimes["REFRESH_TOKEN_LIFETIME"].total_seconds())


def clear(response: HttpResponse) -> None:
    """Let the browser forget them."""
    for name, path in PATHS.items():
        response.delete_cookie(name, path=path, samesite="Strict")


def sent(request: HttpRequest, name: str) -> str:
    """What the browser sent; "" where it sent none."""
    return request.COOKIES.get(name, "")


def _put(response: HttpResponse, name: str, value: str, lifetime_s: float) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(lifetime_s),
        path=PATHS[name],
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
