"""Allowed methods of a `/v1` view."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from django.http import HttpResponseBase

from apps.gateway.wire.errors import ApiError

View = Callable[..., Awaitable[HttpResponseBase]]


def only(*methods: str) -> Callable[[View], Any]:
    """Refuse other methods with OpenAI's error object. GET allows HEAD."""
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)

    def decorate(view: View) -> View:
        @wraps(view)
        async def checked(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in allowed:
                raise ApiError(
                    405,
                    f"{request.method} is not allowed here; use {' or '.join(methods)}.",
                    code="method_not_allowed",
                    headers={"Allow": ", ".join(sorted(allowed))},
                )
            return await view(request, *args, **kwargs)

        return checked

    return decorate
