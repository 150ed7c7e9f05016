"""URLs of the lean handler: the client API and the probes."""

from django.urls import path

from apps.gateway import probes, views

urlpatterns = [
    path("v1/chat/completions", views.chat_completions, name="chat_completions"),
    path("v1/models", views.list_models, name="models"),
    path("v1/models/<path:model>", views.show_model, name="model"),
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/health", probes.health, name="health"),
    path("metrics", probes.metrics, name="metrics"),
]

LEAN_PATHS = frozenset({"/livez", "/readyz", "/api/health", "/metrics"})


def is_lean(path: str) -> bool:
    """Whether the lean handler serves this path."""
    return path.startswith("/v1/") or path == "/v1" or path in LEAN_PATHS
