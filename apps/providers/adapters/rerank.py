"""Reranking on every wire; refusals are classified by the provider's own."""

from apps.providers.adapters import codecs
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.shared.posts import unsent
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer

CODECS: dict[str, TaskCodec[RerankRequest, Reranked]] = codecs(lambda wire: wire.rerank)


def codec_for(offer: Offer) -> TaskCodec[RerankRequest, Reranked]:
    """The codec of the offer's rerank wire."""
    return CODECS[offer.preset.rerank.wire]


def why_unfit(request: RerankRequest, offer: Offer) -> str:
    """Why this wire cannot carry the request, "" if it can."""
    most = offer.preset.rerank.most
    return f"takes at most {most} documents" if len(request.documents) > most else ""


def dropped(request: RerankRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream."""
    return unsent(request.extra, offer.preset.rerank.drops, codec_for(offer).sends)
