"""POST /v1/audio/transcriptions."""

import asyncio

from django.http import HttpResponse

from apps.gateway import runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.planning import plan_task
from apps.gateway.edge.authentication import authenticate, rate_headers
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.headers import answer_headers, dropped_header
from apps.gateway.endpoints.transcriptions import wire as transcription
from apps.gateway.endpoints.transcriptions.operation import Transcription
from apps.gateway.wire import multipart
from apps.providers.adapters.transcription import dropped


@only("POST")
async def create_transcription(request: LeanRequest) -> HttpResponse:
    """POST /v1/audio/transcriptions."""
    principal, allowance = await authenticate(request)
    body = await request.read_body()
    # 25 MB take the parser some 50 ms: off the loop, so that nobody else waits for them.
    form = await asyncio.to_thread(multipart.parse, request.META.get("CONTENT_TYPE", ""), body)
    wanted = transcription.parse(form)
    operation = Transcription(wanted)
    call = plan_task(request.id, principal, wanted, "transcription", operation.why_unfit)
    served = await dispatch.run(runtime.current(), call, operation)
    event = served.attempt.event
    members = {
        "provider": event.provider,
        "model": event.model,
        "latency_ms": round((asyncio.get_running_loop().time() - call.started) * 1000),
        "fallback_position": event.fallback_position,
    }
    content, content_type = transcription.render(served.answer, wanted.response_format, members)
    lost = dropped(wanted, served.attempt.offer)
    headers = answer_headers(call, served) | rate_headers(allowance) | dropped_header(lost)
    return HttpResponse(content, content_type=content_type, headers=headers)
