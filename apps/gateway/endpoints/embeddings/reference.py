"""Embeddings in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.embeddings.wire import EmbeddingBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class Embedding(Struct):
    """One vector: numbers, or base64 of little-endian 32-bit floats."""

    object: str
    index: int
    embedding: list[float] | str


class Embeddings(Struct):
    """Vectors in the order of the inputs."""

    object: str
    data: list[Embedding]
    model: str
    provider: str
    fallback_position: int
    usage: JSONObject


OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/embeddings"): Operation(
        summary="Vectors of texts",
        body=EmbeddingBody,
        answer=Embeddings,
        errors=ATTEMPTED,
        sent={"model": "mistral-embed", "input": ["first doc", "second doc"]},
        example={
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [-0.0017, 0.0131]}],
            "model": "mistral-embed",
            "provider": "mistral",
            "fallback_position": 1,
            "usage": {"prompt_tokens": 6, "total_tokens": 6},
        },
    )
}
