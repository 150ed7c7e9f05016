"""Moderation in the attempt loop: as many upstream calls as the candidate needs for all inputs."""

from collections.abc import Sequence

from apps.gateway.attempts.one_call import OneCall
from apps.providers.adapters import moderation
from apps.providers.claims import Size
from apps.providers.demands.moderation import Moderation, ModerationRequest
from apps.providers.types import Offer, Task
from apps.strategies.ranking import Excluded

Call = OneCall[ModerationRequest, Moderation]


class Moderate:
    """The operation."""

    task: Task = "moderation"
    keeps_part = False

    def __init__(self, demand: ModerationRequest) -> None:
        self.demand = demand

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Nothing: who cannot see was left out by what the request needs."""
        return None

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return moderation.dropped(self.demand, offer)

    def calls(self, offer: Offer) -> Sequence[Call]:
        longest = None if moderation.codec_for(offer).by_chat else 0
        return [
            OneCall(
                part,
                moderation.codec_for,
                Size(prompt_tokens=sum(part.tokens), max_tokens=longest, images=len(part.images)),
                prompts=len(part.inputs),
            )
            for part in moderation.split(self.demand, offer)
        ]

    def join(self, answers: list[Moderation]) -> Moderation:
        return Moderation(verdicts=tuple(verdict for answer in answers for verdict in answer.verdicts))
