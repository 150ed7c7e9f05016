"""Embeddings in the attempt loop: one client request is as many upstream calls as the candidate's batch size asks for."""

import sys
from array import array
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from math import isfinite
from typing import Final

import orjson
from msgspec import Struct

from apps.core.aside import aside
from apps.core.state.contract import Amounts
from apps.gateway.attempts.answers import Most, whole
from apps.gateway.attempts.counting import Counted, true_usage
from apps.gateway.attempts.settlement import Attempt
from apps.providers.adapters import embeddings
from apps.providers.adapters.embeddings import Batch, codec_for, split
from apps.providers.adapters.shared.vectors import unreadable
from apps.providers.claims import Expected, Size, claim
from apps.providers.demands.embedding import EmbeddingRequest
from apps.providers.types import Offer, Task, UpstreamRequest, Usage
from apps.providers.upstream import UpstreamResponse
from apps.strategies.ranking import Excluded

MAX_NUMBERS: Final = 8_192
"""Of a vector whose length the request does not say; the longest of the catalogue have half of that."""
BESIDE: Final = 64
"""Members of an item, and of the answer, beside the numbers."""
NUMBER_BYTES: Final = 32
BODY_BYTES: Final = 64 * 1024
MAX_BYTES: Final = 64 * 1024 * 1024

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
    keeps_part = False

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

    def claim(self, offer: Offer, expected: Expected) -> Amounts:
        size = Size(prompt_tokens=expected.prompt_tokens, max_tokens=0, inputs=len(self._batch.inputs))
        return claim(offer, size)

    async def build(self, offer: Offer) -> UpstreamRequest:
        return await aside(offer.user_id, partial(codec_for(offer).build, self._request, self._batch, offer))

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> Vectors:
        encoded, said = await whole(
            response, self._most(), attempt.offer, partial(self._encoded, attempt.offer)
        )
        usage = true_usage(attempt, said, Counted(prompts=len(self._batch.inputs)))
        await attempt.succeed(usage)
        return Vectors(encoded, usage)

    def _encoded(self, offer: Offer, body: bytes) -> tuple[list[bytes], Usage | None]:
        """The vectors of an answer, and what the upstream says that they took. Raises UpstreamError."""
        result = codec_for(offer).parse(body, len(self._batch.inputs), offer)
        return [encode(vector, self._request.encoding_format) for vector in result.vectors], result.usage

    def _most(self) -> Most:
        """What so many vectors of so many numbers can take, and as much again as one may have beside them."""
        inputs = len(self._batch.inputs)
        numbers = inputs * ((self._request.dimensions or MAX_NUMBERS) + BESIDE)
        return Most(min(numbers * NUMBER_BYTES + BODY_BYTES, MAX_BYTES), numbers + BESIDE)


def encode(vector: "array[float]", encoding_format: str) -> bytes:
    """A vector as JSON: a list of numbers, or base64 of little-endian 32-bit floats as OpenAI's SDKs expect."""
    if encoding_format == "float":
        return orjson.dumps(vector.tolist())
    packed = array("f", vector)
    if not isfinite(sum(packed)):  # a sum of as many of the largest is within what a double can be
        raise unreadable("the upstream sent a vector with numbers that have no place in 32 bits")
    if sys.byteorder == "big":
        packed.byteswap()
    return b'"' + b64encode(packed.tobytes()) + b'"'
