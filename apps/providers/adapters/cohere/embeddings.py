"""Cohere's own wire: POST /v2/embed. Its OpenAI-compatible endpoint knows neither input types nor dimensions.

The client may say `input_type`; what it embeds is taken for documents otherwise.
"""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import EmbeddingCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.usage import as_count
from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.adapters.shared.vectors import Batch, json_call, read_vectors
from apps.providers.demands.embedding import EmbeddingRequest, EmbeddingResult
from apps.providers.types import Offer, UpstreamRequest, Usage

INPUT_TYPES = frozenset({"search_document", "search_query", "classification", "clustering"})
DEFAULT_INPUT_TYPE = "search_document"


def build(request: EmbeddingRequest, batch: Batch, offer: Offer) -> UpstreamRequest:
    asked = as_text(request.extra.get("input_type"))
    payload: JSONObject = {
        "model": offer.model,
        "texts": batch.inputs,
        "input_type": asked if asked in INPUT_TYPES else DEFAULT_INPUT_TYPE,
        "embedding_types": ["float"],
    }
    if request.dimensions is not None:
        payload["output_dimension"] = request.dimensions
    return json_call(offer, "embed", payload, bearer_headers(offer))


def sends(name: str) -> bool:
    return name == "input_type"


def parse(body: bytes, count: int, offer: Offer) -> EmbeddingResult:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    vectors = read_vectors(as_dict(payload.get("embeddings")).get("float"), count)
    tokens = as_dict(as_dict(payload.get("meta")).get("billed_units")).get("input_tokens")
    return EmbeddingResult(vectors, None if tokens is None else Usage(as_count(tokens), 0))


CODEC = EmbeddingCodec(build=build, parse=parse, sends=sends)
