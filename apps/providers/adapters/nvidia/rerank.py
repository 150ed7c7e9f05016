"""NVIDIA's retrieval microservices: POST …/v1/retrieval/{model}/reranking, answered in logits. On a host of its own."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.scores import read_ranking
from apps.providers.adapters.shared.urls import model_path
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"truncate"})


def build(request: RerankRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.rerank
    asked: JSONObject = {
        "truncate": "END",
        **{name: value for name, value in request.extra.items() if sends(name)},
        "query": {"text": request.query},
        "passages": [{"text": text} for text in request.documents],
    }
    payload = {"model": offer.model, **fitted(asked, wire.renames, wire.drops)}
    return json_post(offer, wire.base_url, f"{model_path(offer.model)}/reranking", payload)


def parse(body: bytes, request: RerankRequest, offer: Offer) -> Reranked:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return Reranked(
        ranked=read_ranking(payload.get("rankings"), len(request.documents), score="logit", are_logits=True)
    )


def sends(name: str) -> bool:
    return name in FIELDS


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
