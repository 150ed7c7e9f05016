"""The wires that upstreams speak: THE registry. Which of them a provider speaks for which task, and its quirks, is data: see `Preset`."""

from collections.abc import Callable
from typing import TypeVar

from apps.providers.types import Offer

from .cloudflare import WIRE as CLOUDFLARE
from .cohere import WIRE as COHERE
from .contract import Wire
from .gemini import WIRE as GEMINI
from .huggingface import WIRE as HUGGINGFACE
from .judges import GUARD, POLICY
from .mistral import WIRE as MISTRAL
from .nvidia import WIRE as NVIDIA
from .openai import WIRE as OPENAI

Codec = TypeVar("Codec")

WIRES: dict[str, Wire] = {
    "openai": OPENAI,
    "gemini": GEMINI,
    "cohere": COHERE,
    "mistral": MISTRAL,
    "cloudflare": CLOUDFLARE,
    "huggingface": HUGGINGFACE,
    "nvidia": NVIDIA,
    "policy": POLICY,
    "guard": GUARD,
}


def wire_for(offer: Offer) -> Wire:
    """The provider's own wire: how a call is authorised, and how a refusal is read, whatever the task."""
    return WIRES[offer.preset.wire]


def codecs(of: Callable[[Wire], Codec | None]) -> dict[str, Codec]:
    """The wires that have a codec for one endpoint, by name."""
    return {name: codec for name, wire in WIRES.items() if (codec := of(wire)) is not None}
