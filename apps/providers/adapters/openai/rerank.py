"""POST /rerank as most hosts have it: Jina's form, which llama.cpp, vLLM, Together and Voyage share but for a few names.

OpenAI itself has none. Results lie in `results`, or in `data` (Voyage API reference, 2026-11).
"""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.scores import read_ranking
from apps.providers.adapters.shared.usage import prompt_usage
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer, UpstreamRequest


def build(request: RerankRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.rerank
    asked: JSONObject = {
        **request.extra,
        "query": request.query,
        "documents": request.documents,
        "top_n": request.top_n,
    }
    payload = {"model": offer.model, **fitted(asked, wire.renames, wire.drops)}
    return json_post(offer, wire.base_url, "rerank", payload)


def parse(body: bytes, request: RerankRequest, offer: Offer) -> Reranked:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    values = payload.get("results") if "results" in payload else payload.get("data")
    return Reranked(ranked=read_ranking(values, len(request.documents)), usage=prompt_usage(payload, offer))


def sends(name: str) -> bool:
    return True


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
