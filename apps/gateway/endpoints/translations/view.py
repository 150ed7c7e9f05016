"""POST /v1/audio/translations: a transcription in English, whatever is spoken."""

from django.urls import path

from apps.gateway.edge.answers import LeanResponse
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.transcriptions import wire
from apps.gateway.endpoints.transcriptions.view import written


@only("POST")
async def create_translation(request: LeanRequest) -> LeanResponse:
    """POST /v1/audio/translations."""
    principal, allowance = await authenticate(request, "translations")
    return await written(request, principal, allowance, wire.parse_translation(await request.read_form()))


urlpatterns = [path("audio/translations", create_translation, name="translations")]
