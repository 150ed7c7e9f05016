"""Hugging Face's inference host: models/{model}/pipeline/feature-extraction."""

import orjson

from apps.providers.adapters.openai.errors import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.vectors import Batch, json_call, read_vectors, unreadable
from apps.providers.tasks import EmbeddingRequest, EmbeddingResult
from apps.providers.types import Offer, UpstreamRequest


class HuggingFaceEmbeddings:
    """See `EmbeddingCodec`. The answer is a bare list of vectors, without usage."""

    def build(self, request: EmbeddingRequest, batch: Batch, offer: Offer) -> UpstreamRequest:
        path = f"models/{model_path(offer.model)}/pipeline/feature-extraction"
        return json_call(offer, path, {"inputs": batch.inputs, "normalize": True})

    def sends(self, name: str) -> bool:
        return False

    def parse(self, body: bytes, count: int, offer: Offer) -> EmbeddingResult:
        if body.lstrip().startswith(b"["):
            return EmbeddingResult(read_vectors(_decoded(body), count))
        payload = load_payload(body, offer)
        raise wrapped_error(payload, offer) or unreadable("the upstream's answer is no list of vectors")


def _decoded(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unreadable("the upstream's list of vectors is cut short") from error
