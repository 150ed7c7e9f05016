"""Reranking in the attempt loop: one upstream call, by one model. Scores of different models cannot be compared."""

from apps.gateway.attempts.one_call import OneCall
from apps.providers.adapters import rerank
from apps.providers.claims import Size
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer, Task
from apps.strategies.ranking import Excluded

Call = OneCall[RerankRequest, Reranked]


class Rerank:
    """The operation."""

    task: Task = "rerank"
    keeps_part = False

    def __init__(self, demand: RerankRequest) -> None:
        self.demand = demand

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Why the offer's wire cannot carry the request."""
        reason = rerank.why_unfit(self.demand, offer)
        return Excluded(offer, "incapable", f"{offer.provider} {reason}") if reason else None

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return rerank.dropped(self.demand, offer)

    def calls(self, offer: Offer) -> tuple[Call]:
        documents = len(self.demand.documents)
        size = Size(prompt_tokens=self.demand.tokens, max_tokens=0, inputs=documents)
        return (OneCall(self.demand, rerank.codec_for, size, prompts=documents),)

    def join(self, answers: list[Reranked]) -> Reranked:
        return answers[0]
