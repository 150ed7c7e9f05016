"""One adapter per wire family. Which one a provider speaks, and its quirks, is data: see `Preset`."""

from apps.providers.types import Offer, Wire

from .cohere import CohereAdapter
from .contract import Adapter
from .gemini import GeminiAdapter
from .openai import OpenAIAdapter

ADAPTERS: dict[Wire, Adapter] = {
    "openai": OpenAIAdapter(),
    "gemini": GeminiAdapter(),
    "cohere": CohereAdapter(),
}


def adapter_for(offer: Offer) -> Adapter:
    """The adapter of the offer's wire."""
    return ADAPTERS[offer.preset.wire]
