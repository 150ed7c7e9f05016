"""What a strategy may read of a request: a pure survey of ChatRequest."""

from apps.providers.types import ChatRequest
from apps.strategies.expression import RequestFacts
from apps.strategies.reading import Observation, intent_by_shape


def request_facts(request: ChatRequest, seen: Observation | None = None) -> RequestFacts:
    """The facts of a request.

    `seen` is what reading its text showed. Without it, for rules that use neither, the language is "" and the intent
    what needs no reading: "vision", "long_context" or "chat".
    """
    needs = request.needs
    return RequestFacts(
        prompt_tokens=request.prompt_tokens,
        max_tokens=request.max_tokens or 0,
        has_images="vision" in needs,
        has_tools="tools" in needs,
        has_audio="audio" in needs,
        json_schema="json_schema" in needs,
        language=seen.language if seen else "",
        stream=request.stream,
        intent=seen.intent if seen else intent_by_shape(request),
        model=request.model or "",
    )
