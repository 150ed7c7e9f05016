"""The strategy `auto`: read the request, then leave it to the strategy for its kind. Pure and deterministic.

    intent         -> strategy
    vision         -> vision
    long_context   -> long_context
    coding         -> coding
    reasoning      -> reasoning
    chat           -> auto's own definition

Tools, audio and structured output choose no strategy: the capability filter already leaves only models that have them.
"""

from collections.abc import Container, Mapping
from typing import Final

from msgspec import Struct

from apps.strategies.reading import Intent, Observation

AUTO: Final = "auto"

DELEGATES: Final[Mapping[Intent, str]] = {
    "vision": "vision",
    "long_context": "long_context",
    "coding": "coding",
    "reasoning": "reasoning",
}
"""Intent -> the strategy that serves it. What is not here stays with `auto`."""


class Choice(Struct, frozen=True):
    """What `auto` chose and what it saw. `strategy` is "auto" itself where no other one applies."""

    strategy: str
    observation: Observation


def delegate(observation: Observation, library: Container[str]) -> Choice:
    """The strategy for what was observed. One that does not exist in `library` leaves the request with `auto`."""
    name = DELEGATES.get(observation.intent, AUTO)
    return Choice(name if name in library else AUTO, observation)
