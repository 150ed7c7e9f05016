"""The two ends of single sign-on: to the identity provider, and back from it."""

import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.openid_connect import views
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

log = structlog.get_logger("freeai.sign_in")

PROVIDER = "oidc"


@require_safe
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """To the identity provider. A plain link leads here: a form's redirect to another origin would need a hole in `form-action`.

    Of the query only `next` counts: allauth's own view would take scopes and the linking of accounts from it.
    """
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    provider = get_adapter(request).get_provider(request, PROVIDER)
    try:
        answer: HttpResponse = provider.redirect(request, AuthProcess.LOGIN, wanted if is_ours else None)
    except ImmediateHttpResponse as error:
        answer = error.response
    except (
        RequestException,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # what the other side said cannot be used
        answer = _failed(request, error)
    return answer


@require_safe
@never_cache
def end(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the identity provider, with a code."""
    try:
        answer: HttpResponse = views.callback(request, provider_id)
    except (LookupError, TypeError, ValueError) as error:  # what the other side said cannot be used
        answer = _failed(request, error)
    return answer


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    provider = get_adapter(request).get_provider(request, PROVIDER)
    answer: HttpResponse = render_authentication_error(request, provider, exception=error)
    return answer


urlpatterns = [
    path("login/", begin, name="single_sign_on"),
    path("<slug:provider_id>/callback/", end, name="openid_connect_callback"),
]
