"""Which bodies are taken. Requests of `/api` that say nothing take none: one that is sent was meant for another method."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from apps.core.encodings import charset_of, not_utf8

BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


@sync_and_async_middleware
def utf8_only(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: 415 for a body in another charset, before anything decodes it."""
    if iscoroutinefunction(get_response):
        asynchronous: Callable[[HttpRequest], Awaitable[HttpResponse]] = get_response

        async def answer_later(request: HttpRequest) -> HttpResponse:
            return _refused_charset(request) or await asynchronous(request)

        return answer_later

    def answer(request: HttpRequest) -> HttpResponse:
        return _refused_charset(request) or get_response(request)

    return answer


class RefuseNeedlessBodies:
    """Middleware: 400, before anybody is asked who they are. A path or a method that is not served is the view's to refuse."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: object) -> HttpResponse | None:
        """The refusal, None where there is nothing to refuse."""
        if request.method not in BODILESS or not request.path.startswith("/api/"):
            return None
        if not _serves(view, request.method) or not request.read(1):
            return None
        return JsonResponse({"detail": f"{request.method} takes no body here."}, status=400)


def _serves(view: Any, method: str) -> bool:
    """Whether REST framework's view has the method: a set of views has them by action."""
    name = "get" if method == "HEAD" else method.lower()
    actions = getattr(view, "actions", None) or ()
    return name in view.cls.http_method_names and (name in actions or hasattr(view.cls, name))


def _refused_charset(request: HttpRequest) -> HttpResponse | None:
    charset = charset_of(request.content_params or {})
    if not charset or request.method in BODILESS:
        return None
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": not_utf8(charset)}, status=415)
    return HttpResponse(not_utf8(charset), status=415, content_type="text/plain; charset=utf-8")
