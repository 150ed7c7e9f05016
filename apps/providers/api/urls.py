from django.urls import path

from apps.providers.api import views

urlpatterns = [
    path("me/providers", views.MyProviders.as_view()),
    path("me/providers/<slug:name>", views.MyProvider.as_view()),
    path("me/providers/<slug:name>/test", views.MyProviderProbe.as_view()),
]
