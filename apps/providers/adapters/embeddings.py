"""Embeddings on every wire; refusals are classified by the provider's own."""

from collections.abc import Sequence

from apps.providers.adapters import codecs
from apps.providers.adapters.contract import EmbeddingCodec
from apps.providers.adapters.shared.posts import unsent
from apps.providers.adapters.shared.vectors import Batch
from apps.providers.demands.embedding import EmbeddingRequest
from apps.providers.types import Offer

__all__ = ["Batch", "codec_for", "dropped", "split", "why_unfit"]

CODECS: dict[str, EmbeddingCodec] = codecs(lambda wire: wire.embeddings)


def codec_for(offer: Offer) -> EmbeddingCodec:
    """The codec of the offer's embeddings wire."""
    return CODECS[offer.preset.embeddings.wire]


def why_unfit(request: EmbeddingRequest, offer: Offer) -> str:
    """Why this wire cannot carry the request, "" if it can."""
    if request.has_token_lists and not offer.preset.embeddings.token_lists:
        return "takes no token lists"
    return ""


def dropped(request: EmbeddingRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream."""
    return unsent(request.extra, offer.preset.embeddings.drops, codec_for(offer).sends)


def split(request: EmbeddingRequest, offer: Offer) -> Sequence[Batch]:
    """The inputs in their order, in batches that the upstream takes; an input that is over its token limit has one for itself."""
    wire = offer.preset.embeddings
    batches: list[Batch] = []
    start = tokens = 0
    for at, size in enumerate(request.tokens):
        if at > start and (at - start >= wire.batch or tokens + size > wire.batch_tokens):
            batches.append(Batch(request.inputs[start:at], tokens))
            start, tokens = at, 0
        tokens += size
    batches.append(Batch(request.inputs[start:], tokens))
    return batches
