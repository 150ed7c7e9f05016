"""GET /v1/models and /v1/models/{id}."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.models import wire
from apps.gateway.wire.errors import JSON


@only("GET")
async def list_models(request: HttpRequest) -> HttpResponse:
    """GET /v1/models: the virtual models; with a key and `?all=true` all that the key may ask for, and nothing else."""
    if request.GET.get("all") != "true":
        return HttpResponse(wire.listing(wire.public()), content_type=JSON)
    principal, _ = await authenticate(request)
    return HttpResponse(wire.listing(wire.allowed(principal)), content_type=JSON)


@only("GET")
async def show_model(request: HttpRequest, model: str) -> HttpResponse:
    """GET /v1/models/{id}: public for virtual models; with a key for all that the key may ask for."""
    models = wire.public()
    if "HTTP_AUTHORIZATION" in request.META:
        principal, _ = await authenticate(request)
        models += wire.allowed(principal)
    return HttpResponse(wire.single(model, models), content_type=JSON)


urlpatterns = [
    path("models", list_models, name="models"),
    path("models/<path:model>", show_model, name="model"),
]
