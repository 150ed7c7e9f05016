"""Hugging Face's inference host: models/{model}/pipeline/feature-extraction.

The answer is a bare list of vectors, without usage.
"""

import orjson

from apps.providers.adapters.contract import EmbeddingCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.vectors import Batch, json_call, read_vectors, unreadable
from apps.providers.demands.embedding import EmbeddingRequest, EmbeddingResult
from apps.providers.types import Offer, UpstreamRequest


def build(request: EmbeddingRequest, batch: Batch, offer: Offer) -> UpstreamRequest:
    path = f"models/{model_path(offer.model)}/pipeline/feature-extraction"
    return json_call(offer, path, {"inputs": batch.inputs, "normalize": True}, bearer_headers(offer))


def sends(name: str) -> bool:
    return False


def parse(body: bytes, count: int, offer: Offer) -> EmbeddingResult:
    if body.lstrip().startswith(b"["):
        return EmbeddingResult(read_vectors(_decoded(body), count))
    payload = load_payload(body, offer)
    raise wrapped_error(payload, offer) or unreadable("the upstream's answer is no list of vectors")


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unreadable("the upstream's list of vectors is cut short") from error


CODEC = EmbeddingCodec(build=build, parse=parse, sends=sends)
