"""How much of anything that is remembered of an answer it may have: more than anybody asks for."""

from typing import Final

from apps.providers.errors import ErrorKind, UpstreamError

MOST_CHOICES: Final = 128
"""What `n` may ask for."""
MOST_CALLS: Final = 1_000
"""Of one choice."""
MOST_IDS: Final = 100_000
"""Of tool calls, and places: some make a new one for each fragment."""
MOST_SAID: Final = 4 * 1024 * 1024
"""Characters in those ids and in the names of the calls."""
MOST_HELD: Final = 256 * 1024
"""Characters that came and are passed on only when it is known what they are."""


def too_many(what: str) -> UpstreamError:
    """The error for an answer beyond them."""
    return UpstreamError(ErrorKind.PARSING, f"the upstream's answer has too many {what}")
