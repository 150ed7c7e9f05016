"""How a grant ended, as Redis is told: at once, or when it is back."""

from typing import Final

from msgspec import Struct

from apps.core.state.contract import BreakerPolicy, Completion, Grant

LEASE_S: Final = 60.0
"""For so long a process that says nothing is believed to live; what it had under way then is over."""


class Ending(Struct, frozen=True):
    """How a grant ended."""

    grant: Grant
    completion: Completion
    policy: BreakerPolicy
    now: float
