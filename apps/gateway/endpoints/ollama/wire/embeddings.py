"""POST /ollama/api/embed and /api/embeddings: bytes -> EmbeddingRequest, vectors -> Ollama's objects."""

from collections.abc import Sequence

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.ollama.wire import schema
from apps.gateway.endpoints.ollama.wire.request import plain_name
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.names import native_model
from apps.providers.demands.embedding import EmbeddingRequest
from apps.providers.estimates import text_tokens


def parse(body: bytes) -> tuple[str, EmbeddingRequest]:
    """The model as the client named it, and the validated request. Raises ApiError(400)."""
    known = validate(decode(body), schema.OllamaEmbedBody)
    texts = (known.input,) if isinstance(known.input, str) else tuple(known.input)
    return known.model or "", _request(known, texts, "input", known.dimensions)


def parse_older(body: bytes) -> tuple[str, EmbeddingRequest]:
    """The same of /api/embeddings, which takes one text. Raises ApiError(400)."""
    known = validate(decode(body), schema.OllamaEmbeddingsBody)
    return known.model or "", _request(known, (known.prompt,), "prompt", None)


def _request(
    known: schema.OllamaEmbedBody | schema.OllamaEmbeddingsBody,
    texts: tuple[str, ...],
    field: str,
    dimensions: int | None,
) -> EmbeddingRequest:
    for at, text in enumerate(texts):
        if not text:
            where = field if len(texts) == 1 else f"{field}[{at}]"
            raise bad_request(f"`{where}`: must not be empty.", param=where)
    return EmbeddingRequest(
        model=native_model(plain_name(known.model)),
        inputs=texts,
        tokens=tuple(max(text_tokens(text), 1) for text in texts),
        dimensions=dimensions,
        preferred_provider=known.preferred_provider or None,
        fallback=known.fallback is not False,
        needs=frozenset({"dimensions"} if dimensions is not None else ()),
    )


def render(vectors: Sequence[bytes], members: JSONObject) -> bytes:
    """The answer to /api/embed. `vectors`: encoded, in the order of the inputs; `members`: model, counts and FreeAI's own."""
    return orjson.dumps({**members, "embeddings": [orjson.Fragment(each) for each in vectors]})


def render_older(vectors: Sequence[bytes], members: JSONObject) -> bytes:
    """The answer to /api/embeddings."""
    return orjson.dumps({**members, "embedding": orjson.Fragment(vectors[0])})
