from django.urls import path

from apps.providers.api import local, pricing, views

urlpatterns = [
    path("providers/find-local", local.FindLocal.as_view()),
    path("me/providers", views.MyProviders.as_view()),
    path("me/providers/<slug:name>", views.MyProvider.as_view()),
    path("me/providers/<slug:name>/test", views.MyProviderProbe.as_view()),
    path("me/providers/<slug:name>/reset", views.MyProviderReset.as_view()),
    path("me/providers/<slug:name>/catalog", views.MyProviderCatalogue.as_view()),
    path("pricing", pricing.Pricing.as_view()),
    path("pricing/<slug:provider>/<path:model>", pricing.OnePrice.as_view()),
]
