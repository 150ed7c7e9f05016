"""Embeddings in the attempt loop: one client request is as many upstream calls as the candidate's batch size asks for."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from apps.core.state.contract import Amounts
from apps.gateway.attempts.counting import true_usage
from apps.gateway.attempts.settlement import Attempt
from apps.gateway.endpoints.embeddings.wire import encode
from apps.providers.adapters import embeddings
from apps.providers.adapters.embeddings import Batch, codec_for, split
from apps.providers.quotas import amounts, token_claim
from apps.providers.tasks import EmbeddingRequest
from apps.providers.types import Offer, Task, UpstreamRequest, Usage
from apps.providers.upstream import UpstreamResponse
from apps.strategies.ranking import Excluded

# LangChain's clients make token lists of every text by default.
AS_TEXT: Final = "send `input` as text; with LangChain: `check_embedding_ctx_length=False`"


class Vectors(Struct, frozen=True):
    """Encoded vectors in the order of their inputs. Encoded batch by batch, so that no long rendering holds the event loop, and a list
    of floats (thirty times the size) is never kept."""

    encoded: list[bytes]
    usage: Usage


class Embeddings:
    """The operation: all batches of the request, from one model of one provider."""

    task: Task = "embedding"

    def __init__(self, demand: EmbeddingRequest) -> None:
        self.demand = demand

    def why_unfit(self, offer: Offer) -> Excluded | None:
        """Why the offer's wire cannot carry the request."""
        reason = embeddings.why_unfit(self.demand, offer)
        return Excluded(offer, "incapable", f"{reason} ({AS_TEXT})") if reason else None

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return embeddings.dropped(self.demand, offer)

    def calls(self, offer: Offer) -> Sequence["EmbeddingBatch"]:
        return [EmbeddingBatch(self.demand, batch) for batch in split(self.demand, offer)]

    def join(self, answers: list[Vectors]) -> Vectors:
        usage = Usage(
            sum(answer.usage.prompt_tokens for answer in answers),
            0,
            estimated=any(answer.usage.estimated for answer in answers),
        )
        return Vectors([vector for answer in answers for vector in answer.encoded], usage)


class EmbeddingBatch:
    """One upstream call."""

    def __init__(self, request: EmbeddingRequest, batch: Batch) -> None:
        self._request = request
        self._batch = batch
        self.prompt_tokens = batch.tokens

    def claim(self, offer: Offer) -> Amounts:
        return amounts(token_claim(offer, self.prompt_tokens, 0))

    async def build(self, offer: Offer) -> UpstreamRequest:
        return codec_for(offer).build(self._request, self._batch, offer)

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> Vectors:
        body = await response.read()
        result = codec_for(attempt.offer).parse(body, len(self._batch.inputs), attempt.offer)
        usage = true_usage(attempt, result.usage, 0, prompts=len(self._batch.inputs))
        encoded = [encode(vector, self._request.encoding_format) for vector in result.vectors]
        await attempt.succeed(usage)
        return Vectors(encoded, usage)
