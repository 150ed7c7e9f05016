"""Text Embeddings Inference, Hugging Face's own server: POST /rerank with `texts`, answered by a bare list. It serves one model."""

from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_json, load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.scores import read_ranking
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"truncate", "raw_scores", "truncation_direction"})


def build(request: RerankRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.rerank
    asked: JSONObject = {
        "truncate": True,
        **{name: value for name, value in request.extra.items() if sends(name)},
        "query": request.query,
        "texts": request.documents,
    }
    return json_post(offer, wire.base_url, "rerank", fitted(asked, wire.renames, wire.drops))


def parse(body: bytes, request: RerankRequest, offer: Offer) -> Reranked:
    values: Any = load_json(body, offer)
    if isinstance(values, dict) and (error := wrapped_error(load_payload(body, offer), offer)):
        raise error
    return Reranked(ranked=read_ranking(values, len(request.documents), score="score"))


def sends(name: str) -> bool:
    return name in FIELDS


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
