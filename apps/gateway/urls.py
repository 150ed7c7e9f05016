"""URLs of the lean handler: the client API and the probes."""

from django.urls import path

from apps.gateway.edge import probes
from apps.gateway.endpoints.chat import view as chat
from apps.gateway.endpoints.embeddings import view as embeddings
from apps.gateway.endpoints.models import view as models
from apps.gateway.endpoints.transcriptions import view as transcriptions

urlpatterns = [
    path("v1/chat/completions", chat.chat_completions, name="chat_completions"),
    path("v1/embeddings", embeddings.create_embeddings, name="embeddings"),
    path("v1/audio/transcriptions", transcriptions.create_transcription, name="transcriptions"),
    path("v1/models", models.list_models, name="models"),
    path("v1/models/<path:model>", models.show_model, name="model"),
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/health", probes.health, name="health"),
    path("metrics", probes.metrics, name="metrics"),
]

LEAN_PATHS = frozenset({"/livez", "/readyz", "/api/health", "/metrics"})


def is_lean(path: str) -> bool:
    """Whether the lean handler serves this path."""
    return path.startswith("/v1/") or path == "/v1" or path in LEAN_PATHS
