"""GET /v1/models and /v1/models/{id}."""

from django.http import HttpRequest, HttpResponse

from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.models import wire as models_list
from apps.gateway.wire.errors import JSON


@only("GET")
async def list_models(request: HttpRequest) -> HttpResponse:
    """GET /v1/models: the virtual models; with a key and `?all=true` also strategies and reachable models."""
    principal = None
    if request.GET.get("all") == "true":
        principal, _ = await authenticate(request)
    return HttpResponse(models_list.listing(models_list.visible(principal)), content_type=JSON)


@only("GET")
async def show_model(request: HttpRequest, model: str) -> HttpResponse:
    """GET /v1/models/{id}: public for virtual models; with a key for all that the key reaches."""
    principal = None
    if "HTTP_AUTHORIZATION" in request.META:
        principal, _ = await authenticate(request)
    return HttpResponse(models_list.single(model, models_list.visible(principal)), content_type=JSON)
