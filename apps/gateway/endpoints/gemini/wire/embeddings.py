"""POST …:embedContent and …:batchEmbedContents: bytes -> EmbeddingRequest, vectors -> Google's objects."""

from collections.abc import Sequence

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.gemini.wire import schema
from apps.gateway.endpoints.gemini.wire.request import PREFIX, model_name
from apps.gateway.endpoints.gemini.wire.spelling import camelised
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.providers.demands.embedding import EmbeddingRequest
from apps.providers.estimates import text_tokens

MAX_INPUTS = 10_000


def parse_one(named: str, body: bytes) -> EmbeddingRequest:
    """The validated request. Raises ApiError(400)."""
    known = validate(camelised(decode(body)), schema.EmbedBody)
    return _request(named, [known], [""], known)


def parse_batch(named: str, body: bytes) -> EmbeddingRequest:
    """The same of several. Raises ApiError(400)."""
    known = validate(camelised(decode(body)), schema.BatchBody)
    if len(known.requests) > MAX_INPUTS:
        raise bad_request(f"`requests`: more than {MAX_INPUTS}.", param="requests")
    paths = [f"requests[{at}]." for at in range(len(known.requests))]
    return _request(named, known.requests, paths, known)


def _request(
    named: str,
    asked: Sequence[schema.EmbedBody],
    paths: Sequence[str],
    own: schema.EmbedBody | schema.BatchBody,
) -> EmbeddingRequest:
    first = asked[0]
    for each, path in zip(asked, paths, strict=True):
        if each.output_dimensionality != first.output_dimensionality:
            raise bad_request(
                f"`{path}outputDimensionality`: must be the same in all requests.",
                param=f"{path}outputDimensionality",
            )
        if each.model is not None and each.model.removeprefix(PREFIX) != named.removeprefix(PREFIX):
            raise bad_request(f"`{path}model`: must be the model of the path.", param=f"{path}model")
    texts = tuple(
        _text(each.content, f"{path}content.parts") for each, path in zip(asked, paths, strict=True)
    )
    dimensions = first.output_dimensionality
    return EmbeddingRequest(
        model=model_name(named) or None,
        inputs=texts,
        tokens=tuple(max(text_tokens(text), 1) for text in texts),
        dimensions=dimensions,
        preferred_provider=own.preferred_provider or None,
        fallback=own.fallback is not False,
        needs=frozenset({"dimensions"} if dimensions is not None else ()),
    )


def _text(content: schema.Content, path: str) -> str:
    """Raises ApiError(400)."""
    for at, part in enumerate(content.parts or ()):
        if part.text is None:
            raise bad_request(f"`{path}[{at}]`: only texts are embedded here.", param=f"{path}[{at}]")
    text = "\n".join(part.text for part in content.parts or () if part.text)
    if not text:
        raise bad_request(f"`{path}`: must not be empty.", param=path)
    return text


def render_one(vectors: Sequence[bytes], members: JSONObject) -> bytes:
    """The answer to `embedContent`. `vectors`: encoded; `members`: FreeAI's own."""
    return orjson.dumps({"embedding": {"values": orjson.Fragment(vectors[0])}, **members})


def render_batch(vectors: Sequence[bytes], members: JSONObject) -> bytes:
    """The answer to `batchEmbedContents`, in the order of the requests."""
    return orjson.dumps({"embeddings": [{"values": orjson.Fragment(each)} for each in vectors], **members})
