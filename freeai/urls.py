"""URLs of the Django side. `/v1` and the probes are served by the gateway's lean handler, with `apps.gateway.urls`."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("apps.gateway.api.urls")),
]
