"""URLs of the lean handler: the client API and the probes."""

from django.urls import include, path

from apps.gateway import endpoints
from apps.gateway.edge import probes
from apps.gateway.edge.misdirected import hint

ALIASES = [alias for view in endpoints.views() for alias in getattr(view, "aliases", ())]

urlpatterns = [
    *(path("v1/", include(view)) for view in endpoints.views()),
    *ALIASES,
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/health", probes.health, name="health"),
    path("metrics", probes.metrics, name="metrics"),
]

ALIASED = frozenset(f"/{alias.pattern}" for alias in ALIASES)
LEAN_PATHS = probes.PATHS | ALIASED


def is_lean(path: str) -> bool:
    """Whether the lean handler serves this path, be it to tell who missed the client API where that is."""
    return path.startswith("/v1/") or path == "/v1" or path in LEAN_PATHS or bool(hint(path))
