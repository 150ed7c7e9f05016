"""How hard to think: clients' words -> those that upstreams have."""

from typing import Final

ABOVE: Final = frozenset({"xhigh", "max"})
MOST: Final = "high"
"""The highest effort that upstreams have a word for."""


def known_effort(word: str | None) -> str | None:
    """OpenAI's word for it on chat; None where the client leaves it open."""
    return MOST if word in ABOVE else word
