"""A request that says where it is to go, on whichever surface it came, as the chat request that it comes to."""

from typing import Protocol

from apps.core.json_types import JSONObject
from apps.providers.types import Capability, ChatRequest


class Routed(Protocol):
    """What the bodies of all surfaces of chat have in common."""

    @property
    def model(self) -> str | None: ...
    @property
    def stream(self) -> bool | None: ...
    @property
    def strategy(self) -> str | None: ...
    @property
    def preferred_provider(self) -> str | None: ...
    @property
    def fallback(self) -> bool | None: ...


def chat_request(
    known: Routed,
    body: JSONObject,
    surveyed: tuple[frozenset[Capability], int],
    *,
    include_usage: bool,
    max_tokens: int | None,
) -> ChatRequest:
    """`body` is in OpenAI's shape, `surveyed` what `survey` says of it."""
    needs, prompt_tokens = surveyed
    return ChatRequest(
        model=known.model or None,
        body=body,
        stream=bool(known.stream),
        include_usage=include_usage,
        strategy=known.strategy or None,
        preferred_provider=known.preferred_provider or None,
        fallback=known.fallback is not False,
        needs=needs,
        prompt_tokens=prompt_tokens,
        max_tokens=max_tokens,
    )
