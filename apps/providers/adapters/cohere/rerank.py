"""Cohere's own wire: POST /v2/rerank (Cohere API reference and SDK, 2026-11)."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.scores import read_ranking
from apps.providers.adapters.shared.usage import as_count
from apps.providers.adapters.shared.values import as_dict
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"max_tokens_per_doc", "priority"})


def build(request: RerankRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.rerank
    asked: JSONObject = {
        **{name: value for name, value in request.extra.items() if sends(name)},
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
    units = as_dict(as_dict(payload.get("meta")).get("billed_units")).get("search_units")
    return Reranked(
        ranked=read_ranking(payload.get("results"), len(request.documents)),
        search_units=None if units is None else as_count(units),
    )


def sends(name: str) -> bool:
    return name in FIELDS


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
