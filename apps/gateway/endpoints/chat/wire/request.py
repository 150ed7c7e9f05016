"""POST /v1/chat/completions: bytes -> ChatRequest, or a 400 that names the field."""

from apps.gateway.answering.survey import survey
from apps.gateway.endpoints.chat.wire.schema import ChatBody
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.providers.types import ChatRequest

OWN_FIELDS = ("model", "stream", "stream_options", "strategy", "preferred_provider", "fallback")


def parse(body: bytes) -> ChatRequest:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body)
    if "messages" not in raw and "input" in raw:
        raise bad_request(
            "`input` belongs to the Responses API; /v1/chat/completions takes `messages`.", param="input"
        )
    known = validate(raw, ChatBody)
    needs, prompt_tokens = survey(raw)
    for name in OWN_FIELDS:
        raw.pop(name, None)
    return ChatRequest(
        model=known.model or None,
        body=raw,
        stream=bool(known.stream),
        include_usage=bool(known.stream_options and known.stream_options.include_usage),
        strategy=known.strategy or None,
        preferred_provider=known.preferred_provider or None,
        fallback=known.fallback is not False,
        needs=needs,
        prompt_tokens=prompt_tokens,
        max_tokens=known.max_completion_tokens or known.max_tokens,
    )
