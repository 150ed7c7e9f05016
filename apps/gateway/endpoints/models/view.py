"""GET /v1/models and /v1/models/{id}, and the same under /v1beta."""

from django.http import HttpResponse
from django.urls import path

from apps.gateway import model_names
from apps.gateway.answering import askable
from apps.gateway.edge.authentication import authenticate, has_key
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.models import anthropics, googles, wire
from apps.gateway.wire import surfaces
from apps.gateway.wire.errors import JSON, bad_request
from apps.gateway.wire.messages_errors import VERSION


@only("GET")
async def list_models(request: LeanRequest) -> HttpResponse:
    """GET /v1/models: the virtual models; with a key and `?all=true` all that the key may ask for, and nothing else."""
    models = askable.public()
    if _asks_for_all(request):
        principal, _ = await authenticate(request)
        models = askable.allowed(principal)
    if surfaces.is_googles(request.path_info, request.META):
        return HttpResponse(googles.listing(models, request.GET), content_type=JSON)
    if VERSION in request.META:
        return HttpResponse(anthropics.listing(models, request.GET), content_type=JSON)
    return HttpResponse(wire.listing(models), content_type=JSON)


@only("GET")
async def show_model(request: LeanRequest, model: str) -> HttpResponse:
    """GET /v1/models/{id}: public for virtual models; with a key for all that the key may ask for."""
    models = askable.public()
    user_id = None
    if has_key(request):
        principal, _ = await authenticate(request)
        models += askable.allowed(principal)
        user_id = principal.user_id
    if surfaces.is_googles(request.path_info, request.META):
        return HttpResponse(googles.single(model, models), content_type=JSON)
    if VERSION in request.META:
        return HttpResponse(
            anthropics.single(model, model_names.meant(model, user_id) or model, models), content_type=JSON
        )
    return HttpResponse(wire.single(model, models), content_type=JSON)


def _asks_for_all(request: LeanRequest) -> bool:
    """Raises ApiError(400)."""
    value = request.GET.get("all", "false")
    if value not in ("true", "false"):
        raise bad_request("`all`: must be true or false.", param="all")
    return value == "true"


PATTERNS = [
    path("models", list_models, name="models"),
    path("models/<path:model>", show_model, name="model"),
]
SERVED = dict.fromkeys((surfaces.V1, surfaces.V1BETA), PATTERNS)
