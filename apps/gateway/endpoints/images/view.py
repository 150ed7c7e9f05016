"""POST /v1/images/generations, and /v1/images/edits."""

from django.urls import path

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.core import clock
from apps.gateway import runtime
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.images import wire
from apps.gateway.endpoints.images.operation import Imagine
from apps.providers.demands.image import ImageRequest


@only("POST")
async def create_images(request: LeanRequest) -> LeanResponse:
    """POST /v1/images/generations."""
    principal, allowance = await authenticate(request, "images")
    return await _drawn(request, principal, allowance, await request.parsed(wire.parse))


@only("POST")
async def edit_images(request: LeanRequest) -> LeanResponse:
    """POST /v1/images/edits."""
    principal, allowance = await authenticate(request, "images")
    return await _drawn(request, principal, allowance, wire.parse_edit(await request.read_form()))


async def _drawn(
    request: LeanRequest, principal: Principal, allowance: Allowance, asked: ImageRequest
) -> LeanResponse:
    """The pictures, in the form that was asked for. Raises ApiError."""
    operation = Imagine(asked, runtime.current().images)
    served = await serve(request, principal, operation)
    body = wire.render(served.answer, asked.form, int(clock.now()), answer_members(served))
    return LeanResponse(body, answer_headers(served, operation, allowance))


urlpatterns = [
    path("images/generations", create_images, name="images"),
    path("images/edits", edit_images, name="image_edits"),
]
