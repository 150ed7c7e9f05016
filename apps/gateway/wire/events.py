"""What streams of every endpoint have in common."""

from typing import Final

EVENTS: Final = "text/event-stream; charset=utf-8"
COMMENT: Final = b": keep-alive\n\n"
"""What is said where there is nothing to say: readers of events skip it."""
