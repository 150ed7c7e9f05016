"""URLs of the Django side. `/v1` and the probes are served by the gateway's lean handler, with `apps.gateway.urls`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "apps.core.refused_by_django.bad_request"
handler500 = "apps.core.refused_by_django.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    *([path("sso/", include("apps.accounts.sso_views"))] if settings.FREEAI_OIDC_ISSUER else []),
    path("api/", include("apps.gateway.api.urls")),
]
