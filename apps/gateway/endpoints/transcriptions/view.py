"""POST /v1/audio/transcriptions."""

from django.urls import path

from apps.gateway import runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.planning import plan_task
from apps.gateway.attempts.waiting import max_wait_s
from apps.gateway.edge.answers import LeanResponse, answer_headers, answer_members
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.transcriptions import wire
from apps.gateway.endpoints.transcriptions.operation import Transcription


@only("POST")
async def create_transcription(request: LeanRequest) -> LeanResponse:
    """POST /v1/audio/transcriptions."""
    principal, allowance = await authenticate(request, "transcriptions")
    operation = Transcription(wire.parse(await request.read_form()))
    call = plan_task(request.ids, principal, operation, max_wait_s(request.META))
    served = await dispatch.run(runtime.current(), call, operation)
    members = {**answer_members(served), "latency_ms": call.elapsed_ms()}
    body, content_type = wire.render(served.answer, operation.demand.response_format, members)
    return LeanResponse(body, answer_headers(served, operation, allowance), content_type)


urlpatterns = [path("audio/transcriptions", create_transcription, name="transcriptions")]
