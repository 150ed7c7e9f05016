"""Gemini's native wire: models/{model}:batchEmbedContents."""

from typing import Any
from urllib.parse import quote

import orjson

from apps.providers.adapters.gemini.chat.request import google_headers
from apps.providers.adapters.gemini.errors import frame_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.urls import resolve_base
from apps.providers.adapters.shared.values import as_dict, as_list
from apps.providers.adapters.shared.vectors import Batch, normalised, read_vectors
from apps.providers.tasks import EmbeddingRequest, EmbeddingResult
from apps.providers.types import Offer, UpstreamRequest


class GeminiEmbeddings:
    """See `EmbeddingCodec`. The answer holds no usage. Vectors of fewer dimensions than the model's own are not of length 1, so every
    vector is brought to it (Gemini API reference, 2026-08)."""

    def build(self, request: EmbeddingRequest, batch: Batch, offer: Offer) -> UpstreamRequest:
        options: dict[str, Any] = {"model": f"models/{offer.model}"}
        if request.dimensions is not None:
            options["outputDimensionality"] = request.dimensions
        payload = {"requests": [{**options, "content": {"parts": [{"text": text}]}} for text in batch.inputs]}
        base = resolve_base(offer.base_url, offer.preset.embeddings.base_url)
        return UpstreamRequest(
            url=f"{base}/models/{quote(offer.model, safe='')}:batchEmbedContents",
            headers=google_headers(offer),
            body=orjson.dumps(payload),
        )

    def sends(self, name: str) -> bool:
        return False

    def parse(self, body: bytes, count: int, offer: Offer) -> EmbeddingResult:
        payload = load_payload(body, offer)
        if payload.get("error"):
            raise frame_error(payload, offer)
        values = [as_dict(item).get("values") for item in as_list(payload.get("embeddings"))]
        return EmbeddingResult([normalised(vector) for vector in read_vectors(values, count)])
