"""POST /v1/audio/transcriptions."""

from django.urls import path

from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.transcriptions import wire
from apps.gateway.endpoints.transcriptions.operation import Transcription


@only("POST")
async def create_transcription(request: LeanRequest) -> LeanResponse:
    """POST /v1/audio/transcriptions."""
    principal, allowance = await authenticate(request, "transcriptions")
    operation = Transcription(wire.parse(await request.read_form()))
    served = await serve(request, principal, operation)
    members = {**answer_members(served), "latency_ms": served.attempt.call.elapsed_ms()}
    body, content_type = wire.render(served.answer, operation.demand.response_format, members)
    return LeanResponse(body, answer_headers(served, operation, allowance), content_type)


urlpatterns = [path("audio/transcriptions", create_transcription, name="transcriptions")]
