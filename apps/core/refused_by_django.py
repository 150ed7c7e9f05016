"""What Django itself refuses, or fails at, in the shape of the side that was asked: `/api` answers `{"detail"}`, the site a page."""

from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

OWN_FAULT = "FreeAI could not process the request. The fault is its own."


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
    """Django's handler500."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": OWN_FAULT}, status=500)
    return defaults.server_error(request)
