"""POST /v1/chat/completions: bytes -> ChatRequest, or a 400 that names the field."""

from apps.gateway.answering.routed import chat_request
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
    surveyed = survey(raw)
    for name in OWN_FIELDS:
        raw.pop(name, None)
    return chat_request(
        known,
        raw,
        surveyed,
        include_usage=bool(known.stream_options and known.stream_options.include_usage),
        max_tokens=known.max_completion_tokens or known.max_tokens,
    )
