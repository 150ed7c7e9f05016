"""URLs of the lean handler: the client API and the probes."""

from django.urls import include, path

from apps.gateway import endpoints
from apps.gateway.edge import probes
from apps.gateway.edge.misdirected import hint
from apps.gateway.edge.targets import SERVER
from apps.gateway.wire import surfaces

urlpatterns = [
    *(path(prefix, include(patterns)) for prefix, patterns in endpoints.served()),
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/health", probes.health, name="health"),
    path("metrics", probes.metrics, name="metrics"),
]


def is_lean(path: str) -> bool:
    """Whether the lean handler serves this path, be it to tell who missed the client API where that is."""
    return surfaces.is_served(path) or path in probes.PATHS or path == SERVER or bool(hint(path))
