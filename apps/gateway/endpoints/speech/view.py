"""POST /v1/audio/speech."""

from django.urls import path

from apps.gateway.edge.answers import LeanResponse, answer_headers
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.speech import wire
from apps.gateway.endpoints.speech.operation import Speak


@only("POST")
async def create_speech(request: LeanRequest) -> LeanResponse:
    """POST /v1/audio/speech."""
    principal, allowance = await authenticate(request, "speech")
    operation = Speak(await request.parsed(wire.parse))
    served = await serve(request, principal, operation)
    content_type = wire.CONTENT_TYPES[served.answer.format]
    return LeanResponse(served.answer.audio, answer_headers(served, operation, allowance), content_type)


urlpatterns = [path("audio/speech", create_speech, name="speech")]
