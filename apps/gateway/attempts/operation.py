"""What the attempt loop needs to know of an endpoint: what to reserve, what to send, and what of the answer to wait for."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from apps.core.state.contract import Amounts
from apps.gateway.attempts.settlement import Attempt
from apps.providers.claims import Expected
from apps.providers.tasks import Demand
from apps.providers.types import Offer, Task, UpstreamRequest
from apps.providers.upstream import UpstreamResponse
from apps.strategies.ranking import Excluded

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class UpstreamCall(Protocol[T_co]):
    """One endpoint's side of an attempt. `prompt_tokens`: about what the call sends of the prompt."""

    prompt_tokens: int

    def claim(self, offer: Offer, expected: Expected) -> Amounts:
        """What to reserve. `expected`: how much there is to the call, as that provider counts."""
        ...

    async def build(self, offer: Offer) -> UpstreamRequest:
        """The upstream call. Raises UpstreamError."""
        ...

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> T_co:
        """The answer, or as much of it as decides the attempt. Raises UpstreamError."""
        ...


class Operation(Protocol[T]):
    """What a client asked an endpoint for, as the upstream calls that it takes at a candidate. `keeps_part`: what the first of them brought
    is an answer where a later one fails."""

    keeps_part: bool

    def calls(self, offer: Offer) -> Sequence[UpstreamCall[T]]:
        """The upstream calls, at least one; they are made in this order."""
        ...

    def join(self, answers: list[T]) -> T:
        """The one answer that the calls' answers make."""
        ...

    def dropped(self, offer: Offer) -> Sequence[str]:
        """Fields of the request that do not reach this upstream."""
        ...


class TaskOperation(Operation[T], Protocol[T]):
    """An operation of a task beside chat, whose wires differ in what they carry."""

    task: Task

    @property
    def demand(self) -> Demand: ...

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Why the offer's wire cannot carry the request, None if it can."""
        ...
