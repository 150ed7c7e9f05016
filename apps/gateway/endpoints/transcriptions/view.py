"""POST /v1/audio/transcriptions, and /v1/audio/translations: the same in English, whatever is spoken."""

from django.urls import path

from apps.clients.keys import Principal
from apps.clients.limits import Allowance
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.edge.serving import serve
from apps.gateway.endpoints.transcriptions import wire
from apps.gateway.endpoints.transcriptions.operation import Transcription
from apps.providers.demands.transcription import TranscriptionRequest


@only("POST")
async def create_transcription(request: LeanRequest) -> LeanResponse:
    """POST /v1/audio/transcriptions."""
    principal, allowance = await authenticate(request, "transcriptions")
    return await _written(request, principal, allowance, wire.parse(await request.read_form()))


@only("POST")
async def create_translation(request: LeanRequest) -> LeanResponse:
    """POST /v1/audio/translations."""
    principal, allowance = await authenticate(request, "translations")
    return await _written(request, principal, allowance, wire.parse_translation(await request.read_form()))


async def _written(
    request: LeanRequest, principal: Principal, allowance: Allowance, asked: TranscriptionRequest
) -> LeanResponse:
    """The answer: what is said in the recording, in the format that was asked for. Raises ApiError."""
    operation = Transcription(asked)
    served = await serve(request, principal, operation)
    members = {**answer_members(served), "latency_ms": served.attempt.call.elapsed_ms()}
    body, content_type = wire.render(asked, served.answer, members)
    return LeanResponse(body, answer_headers(served, operation, allowance), content_type)


urlpatterns = [
    path("audio/transcriptions", create_transcription, name="transcriptions"),
    path("audio/translations", create_translation, name="translations"),
]
