"""Cohere's native wire (v2): POST /chat. Sources: Cohere API reference and SDK, 2026-08."""

from collections.abc import Mapping

from apps.providers.adapters.contract import ChatStream
from apps.providers.errors import UpstreamError
from apps.providers.types import ChatRequest, ChatResult, Offer, UpstreamRequest

from .chat.request import build_chat, dropped
from .chat.response import parse_chat
from .chat.stream import CohereStream
from .errors import parse_error


class CohereAdapter:
    """See `Adapter`."""

    def build_chat(self, request: ChatRequest, offer: Offer) -> UpstreamRequest:
        return build_chat(request, offer)

    def parse_chat(self, body: bytes, offer: Offer) -> ChatResult:
        return parse_chat(body, offer)

    def open_stream(self, offer: Offer) -> ChatStream:
        return CohereStream(offer)

    def parse_error(
        self, status: int, headers: Mapping[str, str], body: bytes, offer: Offer
    ) -> UpstreamError:
        return parse_error(status, headers, body, offer)

    def dropped(self, request: ChatRequest, offer: Offer) -> tuple[str, ...]:
        return dropped(request, offer)
