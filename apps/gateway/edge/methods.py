"""Allowed methods: of a `/v1` view, and of the server itself."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.gateway.wire.errors import ApiError, bad_request

View = Callable[..., Awaitable[HttpResponseBase]]
OF_THE_SERVER = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def of_the_server(request: HttpRequest) -> HttpResponse:
    """The answer to `OPTIONS *` (RFC 9110 § 9.3.7). Raises ApiError(400) for what has no meaning without a path."""
    if request.method != "OPTIONS":
        raise bad_request("The target `*` is for OPTIONS alone; ask for a path.")
    return HttpResponse(status=204, headers={"Allow": OF_THE_SERVER})


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
