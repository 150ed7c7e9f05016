"""Gemini's native wire: models/{model}:batchEmbedContents.

The answer holds no usage. Vectors of fewer dimensions than the model's own are not of length 1, so every
vector is brought to it (Gemini API reference, 2026-08).
"""

from urllib.parse import quote

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import EmbeddingCodec
from apps.providers.adapters.gemini.headers import google_headers
from apps.providers.adapters.gemini.refusals import frame_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.values import as_dict, as_list
from apps.providers.adapters.shared.vectors import Batch, json_call, normalised, read_vectors
from apps.providers.demands.embedding import EmbeddingRequest, EmbeddingResult
from apps.providers.types import Offer, UpstreamRequest


def build(request: EmbeddingRequest, batch: Batch, offer: Offer) -> UpstreamRequest:
    options: JSONObject = {"model": f"models/{offer.model}"}
    if request.dimensions is not None:
        options["outputDimensionality"] = request.dimensions
    payload = {"requests": [{**options, "content": {"parts": [{"text": text}]}} for text in batch.inputs]}
    path = f"models/{quote(offer.model, safe='')}:batchEmbedContents"
    return json_call(offer, path, payload, google_headers(offer))


def sends(name: str) -> bool:
    return False


def parse(body: bytes, count: int, offer: Offer) -> EmbeddingResult:
    payload = load_payload(body, offer)
    if payload.get("error"):
        raise frame_error(payload, offer)
    values = [as_dict(item).get("values") for item in as_list(payload.get("embeddings"))]
    return EmbeddingResult([normalised(vector) for vector in read_vectors(values, count)])


CODEC = EmbeddingCodec(build=build, parse=parse, sends=sends)
