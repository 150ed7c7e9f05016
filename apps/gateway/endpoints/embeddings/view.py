"""POST /v1/embeddings."""

from django.http import HttpResponse

from apps.gateway import runtime
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.planning import plan_task
from apps.gateway.edge.authentication import authenticate, rate_headers
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.embeddings import wire as embeddings
from apps.gateway.endpoints.embeddings.operation import Embeddings
from apps.gateway.endpoints.headers import answer_headers, dropped_header
from apps.gateway.wire.errors import JSON
from apps.providers.adapters.embeddings import dropped


@only("POST")
async def create_embeddings(request: LeanRequest) -> HttpResponse:
    """POST /v1/embeddings."""
    principal, allowance = await authenticate(request)
    wanted = embeddings.parse(await request.read_body())
    operation = Embeddings(wanted)
    call = plan_task(request.id, principal, wanted, "embedding", operation.why_unfit)
    served = await dispatch.run(runtime.current(), call, operation)
    event = served.attempt.event
    members = {
        "model": event.model,
        "provider": event.provider,
        "fallback_position": event.fallback_position,
    }
    body = embeddings.render(served.answer.encoded, served.answer.usage, members)
    lost = dropped(wanted, served.attempt.offer)
    headers = answer_headers(call, served) | rate_headers(allowance) | dropped_header(lost)
    return HttpResponse(body, content_type=JSON, headers=headers)
