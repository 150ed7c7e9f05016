"""Cloudflare Workers AI: POST …/ai/run/{model} with `contexts`, beside the …/ai/v1 that chat uses."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.scores import read_ranking
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.values import as_dict
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer, UpstreamRequest


def build(request: RerankRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.rerank
    asked: JSONObject = {
        "query": request.query,
        "contexts": [{"text": text} for text in request.documents],
        "top_k": request.top_n,
    }
    payload = fitted(asked, wire.renames, wire.drops)
    return json_post(offer, wire.base_url, f"run/{model_path(offer.model)}", payload)


def parse(body: bytes, request: RerankRequest, offer: Offer) -> Reranked:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    values = as_dict(payload.get("result")).get("response")
    return Reranked(ranked=read_ranking(values, len(request.documents), index="id", score="score"))


def sends(name: str) -> bool:
    return False


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
