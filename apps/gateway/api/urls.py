"""All of `/api`: each app's own routes, and those that show the running gateway."""

from django.urls import include, path, re_path

from apps.core.api import UnknownPath
from apps.gateway.api import explain, views

urlpatterns = [
    path("", include("apps.clients.api.urls")),
    path("", include("apps.providers.api.urls")),
    path("explain", explain.Explain.as_view()),
    path("strategies/preview", explain.Preview.as_view()),
    path("", include("apps.strategies.api.urls")),
    path("providers", views.Providers.as_view()),
    path("providers/<slug:name>", views.OneProvider.as_view()),
    re_path("", UnknownPath.as_view()),
]
