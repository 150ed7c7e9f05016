"""All of `/api`: each app's own routes, and those that show the running gateway."""

from django.urls import include, path, re_path

from apps.core.api import UnknownPath
from apps.gateway.api import analytics, config, explain, models, usage_events, views
from apps.gateway.api.openapi import views as reference

urlpatterns = [
    path("", include("apps.accounts.api.urls")),
    path("", include("apps.clients.api.urls")),
    path("", include("apps.providers.api.urls")),
    path("schema/", reference.Document.as_view()),
    path("docs/", reference.Pages.as_view(), name="api_docs"),
    path("config", config.Configuration.as_view()),
    path("tags", views.Tags.as_view()),
    path("usage-events", usage_events.UsageEvents.as_view()),
    path("analytics", analytics.Analytics.as_view()),
    path("me/analytics", analytics.MyAnalytics.as_view()),
    path("explain", explain.Explain.as_view()),
    path("strategies/preview", explain.Preview.as_view()),
    path("", include("apps.strategies.api.urls")),
    path("providers", views.Providers.as_view()),
    path("providers/<slug:name>", views.OneProvider.as_view()),
    path("providers/<slug:name>/models", models.ProviderModels.as_view()),
    path("providers/<slug:name>/reset", views.ProviderReset.as_view()),
    path("providers/<slug:name>/sync", models.ProviderSync.as_view()),
    path("me/providers/<slug:name>/models", models.MyProviderModels.as_view()),
    path("me/providers/<slug:name>/sync", models.MyProviderSync.as_view()),
    re_path("", UnknownPath.as_view()),
]
