"""What a strategy may read of a request: a pure survey of ChatRequest."""

from apps.providers.types import ChatRequest
from apps.strategies.expression import RequestFacts


def request_facts(request: ChatRequest) -> RequestFacts:
    """The facts of a request. Language and intent are read by `auto` and stay "" and "chat" here."""
    needs = request.needs
    return RequestFacts(
        prompt_tokens=request.prompt_tokens,
        max_tokens=request.max_tokens or 0,
        has_images="vision" in needs,
        has_tools="tools" in needs,
        has_audio="audio" in needs,
        json_schema="json_schema" in needs,
        language="",
        stream=request.stream,
        intent="vision" if "vision" in needs else "chat",
        model=request.model or "",
    )
