"""URLs of the lean handler: the client API and the probes."""

from django.urls import include, path

from apps.gateway import endpoints
from apps.gateway.edge import probes
from apps.gateway.edge.misdirected import hint
from apps.gateway.edge.targets import SERVER

urlpatterns = [
    *(path("v1/", include(view)) for view in endpoints.views()),
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/health", probes.health, name="health"),
    path("metrics", probes.metrics, name="metrics"),
]

LEAN_PATHS = frozenset({"/livez", "/readyz", "/api/health", "/metrics", SERVER})


def is_lean(path: str) -> bool:
    """Whether the lean handler serves this path, be it to tell who missed the client API where that is."""
    return path.startswith("/v1/") or path == "/v1" or path in LEAN_PATHS or bool(hint(path))
