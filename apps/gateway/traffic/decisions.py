"""Why requests went where they went, noted as they are ranked. `keeping` writes the notes down.

A request is noted by reference, for a microsecond or two. So many a second are, and no more (a burst at first), because nobody reads
thousands: of the rest the number is known.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from apps.gateway.attempts.calls import Call
from apps.providers.tasks import Demand
from apps.providers.types import Capability, Offer
from apps.strategies.auto import Choice
from apps.strategies.expression import RequestFacts
from apps.strategies.ranking import Ranking

A_SECOND: Final = 1.0
BURST: Final = 60.0


class Note(Struct, frozen=True):
    """A request that was ranked, without the request itself. `now`: UTC epoch seconds of its begin; `offers`: all that were looked at."""

    request_id: str
    user_id: int
    now: float
    strategy: str
    facts: RequestFacts
    choice: Choice | None
    needs: frozenset[Capability]
    prompt_tokens: int
    offers: Sequence[Offer]
    ranking: Ranking


class Decisions:
    """The notes of one process, until they are written."""

    def __init__(self) -> None:
        self._waiting: deque[Note] = deque(maxlen=round(2 * BURST))
        self._left = BURST
        self._at = 0.0
        self.passed_over = 0

    def note(self, call: Call[Demand], ranking: Ranking) -> None:
        """Within a request, whose time is precious: references to what was decided, or nothing where there are too many."""
        self._left = min(BURST, self._left + max(0.0, call.now - self._at) * A_SECOND)
        self._at = call.now
        if self._left < 1.0:
            self.passed_over += 1
            return
        self._left -= 1.0
        plan, demand = call.plan, call.demand
        self._waiting.append(
            Note(
                call.ids.own,
                call.principal.user_id,
                call.now,
                plan.name,
                call.rules.facts,
                plan.choice,
                demand.needs,
                demand.prompt_tokens,
                plan.pool.offers,
                ranking,
            )
        )

    def take(self) -> list[Note]:
        """All that wait; they are the caller's now."""
        notes = list(self._waiting)
        self._waiting.clear()
        return notes
