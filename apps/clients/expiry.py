"""When a key ends. A time that is over is a slip: who wants a key to end now revokes or disables it."""

from datetime import datetime
from typing import Final

from django.utils import timezone

OVER: Final = "Must be in the future."


def is_over(value: datetime | None, kept: datetime | None = None) -> bool:
    """Whether a key would be given a time that is over. `kept`: the one that it has, which may stay when it is over."""
    return value is not None and value != kept and value <= timezone.now()
