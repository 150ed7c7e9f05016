"""The lean handler's middleware: request id, other origins and errors. Each wraps the next; all are async."""

import re
from functools import lru_cache

import orjson
import structlog
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, get_resolver
from structlog.contextvars import bind_contextvars

from apps.core import ids
from apps.core.redaction import mask
from apps.core.refused_by_django import reason_of
from apps.gateway.attempts.calls import RequestIds
from apps.gateway.edge.cors import answering_other_origins
from apps.gateway.edge.http import ClientLeftError, Handler, LeanRequest
from apps.gateway.edge.methods import of_the_server
from apps.gateway.edge.misdirected import hint
from apps.gateway.edge.targets import SERVER
from apps.gateway.wire import messages_errors, surfaces
from apps.gateway.wire.errors import JSON, ApiError, bad_request, own_fault

log = structlog.get_logger("freeai.request")

MAX_RESOLVED_PATHS = 256
REQUEST_IDS = ("HTTP_X_REQUEST_ID", "HTTP_X_CLIENT_REQUEST_ID")
"""What clients call it; the second is what agents do."""
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


async def route(request: LeanRequest) -> HttpResponseBase:
    """Find the view and call it. Raises ApiError(404, 405)."""
    if request.path_info == SERVER:
        return of_the_server(request)
    try:
        match = _resolve(request.path_info)
    except Resolver404:
        path = request.path_info
        raise ApiError(
            404, f"Unknown path: {path[:200]}. {hint(path)}".rstrip(), code="unknown_path"
        ) from None
    request.resolver_match = match
    response: HttpResponseBase = await match.func(request, *match.args, **match.kwargs)
    return response


@lru_cache(maxsize=MAX_RESOLVED_PATHS)
def _resolve(path: str) -> ResolverMatch:
    """The URLconf's answer; it never changes while the process runs. Raises Resolver404, which is not kept."""
    return get_resolver("apps.gateway.urls").resolve(path)


def answering_errors(inner: Handler) -> Handler:
    """ApiError becomes its answer; anything unforeseen a logged 500 that gives nothing away."""

    async def handle(request: LeanRequest) -> HttpResponseBase:
        try:
            return await inner(request)
        except ApiError as error:
            return answer_of(error, request)
        except ClientLeftError:
            raise
        except SuspiciousOperation as error:  # Django's own bounds, of fields in a query for one
            return answer_of(bad_request(reason_of(error)), request)
        except Exception:
            log.exception("request.failed", path=mask(request.path_info[:200]))
            return answer_of(own_fault(), request)

    return handle


def answer_of(error: ApiError, request: LeanRequest) -> HttpResponse:
    """The error as an answer, in the shape that the client reads."""
    status, body = surfaces.told(error, request.path_info, request.META, request.ids.told)
    return HttpResponse(orjson.dumps(body), status=status, content_type=JSON, headers=error.headers)


def identifying(inner: Handler) -> Handler:
    """Give the request an id, and say it in the answer; or the client's own if it is sane."""

    async def handle(request: LeanRequest) -> HttpResponseBase:
        own = ids.uuid7()
        asked = (request.META.get(name, "") for name in REQUEST_IDS)
        request.ids = RequestIds(own, next(filter(REQUEST_ID.fullmatch, asked), own))
        bind_contextvars(
            request_id=request.ids.told
        )  # each request is a task of its own, and all it logs has this
        response = await inner(request)
        response.headers["x-request-id"] = request.ids.told
        if messages_errors.is_meant(request.path_info, request.META):
            response.headers["request-id"] = request.ids.told
        return response

    return handle


CHAIN: Handler = identifying(answering_other_origins(answering_errors(route)))
