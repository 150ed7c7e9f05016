"""What Django itself refuses, or fails at, in the shape of the side that was asked: `/api` answers `{"detail"}`, the site a page, and to a
script that wants a part of one a sentence."""

import sys

from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

OWN_FAULT = "FreeAI could not process the request. The fault is its own."
DATABASE_AWAY = "The database is out of reach. Try again later."
RETRY_AFTER_S = "5"


def reason_of(error: SuspiciousOperation) -> str:
    """A sentence for people. Django's own texts name its settings."""
    if isinstance(error, TooManyFieldsSent):
        return f"The request has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} parameters."
    if isinstance(error, DisallowedHost):
        return "This host name is not served; FREEAI_ALLOWED_HOSTS names those that are."
    return "The request cannot be processed as it is."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if request.path.startswith("/api/") and isinstance(exception, SuspiciousOperation):
        return JsonResponse({"detail": reason_of(exception)}, status=400)
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, which it calls while it handles the exception. A database that is away is no fault of ours: 503."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return database_away(request)
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": OWN_FAULT}, status=500)
    return defaults.server_error(request)


def database_away(request: HttpRequest) -> HttpResponse:
    """503: to whom waits for a part of a page in a sentence, since the page stays."""
    if request.path.startswith("/api/") or "X-Part" in request.headers:
        answer: HttpResponse = JsonResponse({"detail": DATABASE_AWAY}, status=503)
    else:
        answer = HttpResponse(render_to_string("503.html", request=None), status=503)
    answer.headers["Retry-After"] = RETRY_AFTER_S
    return answer
