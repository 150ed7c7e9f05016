"""How hard to think: clients' words -> those that upstreams have."""

from typing import Final

ABOVE: Final = frozenset({"xhigh", "max"})
MOST: Final = "high"
"""The highest effort that upstreams have a word for."""
LITTLE_THOUGHT: Final = 4096
SOME_THOUGHT: Final = 16_384
"""Budgets in tokens below which an effort is "low", and "medium"."""


def effort_of(budget_tokens: int) -> str:
    """The effort that comes to about so many tokens of thought."""
    if budget_tokens < LITTLE_THOUGHT:
        return "low"
    return "medium" if budget_tokens < SOME_THOUGHT else MOST


def known_effort(word: str | None) -> str | None:
    """OpenAI's word for it on chat; None where the client leaves it open."""
    return MOST if word in ABOVE else word
