"""POST /v1/embeddings: bytes -> EmbeddingRequest, vectors -> OpenAI's list."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import orjson
from msgspec import Meta, Struct

from apps.core.json_types import JSONArray, JSONObject
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.names import MODEL_SCHEMA, native_model
from apps.providers.demands.embedding import EmbeddingRequest
from apps.providers.estimates import text_tokens
from apps.providers.types import Usage

MAX_INPUTS = 10_000
MAX_DIMENSIONS = 65_536
MAX_TOKENS = 300_000  # of all inputs together, as OpenAI counts them (API reference, 2026-11)
KNOWN_FIELDS = frozenset(
    {"input", "model", "dimensions", "encoding_format", "preferred_provider", "fallback"}
)
OF_ONE_KIND: Final = [{"items": {"type": name}} for name in ("string", "integer", "array")]
Token = Annotated[int, Meta(ge=0)]
Text = Annotated[str, Meta(extra_json_schema={"minLength": 1})]
Item = Text | Token | Annotated[list[Token], Meta(extra_json_schema={"minItems": 1})]
Items = Annotated[
    list[Item], Meta(min_length=1, max_length=MAX_INPUTS, extra_json_schema={"anyOf": OF_ONE_KIND})
]


class EmbeddingBody(Struct):
    """The known fields. `input` is looked at more closely than a type can say."""

    input: Text | Items
    model: Annotated[str, Meta(extra_json_schema=MODEL_SCHEMA)] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=MAX_DIMENSIONS)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None
    preferred_provider: str | None = None
    fallback: bool | None = None


def parse(body: bytes) -> EmbeddingRequest:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body, tokens=MAX_TOKENS)
    known = validate(raw, EmbeddingBody)
    inputs = _inputs(known.input)
    return EmbeddingRequest(
        model=native_model(known.model),
        inputs=inputs,
        tokens=tuple(max(text_tokens(item), 1) if isinstance(item, str) else len(item) for item in inputs),
        dimensions=known.dimensions,
        encoding_format=known.encoding_format or "float",
        extra={name: value for name, value in raw.items() if name not in KNOWN_FIELDS},
        preferred_provider=known.preferred_provider or None,
        fallback=known.fallback is not False,
        needs=frozenset({"dimensions"} if known.dimensions is not None else ()),
    )


def _inputs(value: str | list[Item]) -> tuple[str, ...] | tuple[tuple[int, ...], ...]:
    """The inputs as texts, or as lists of tokens: one bare list of them is one input. Raises ApiError(400)."""
    items: JSONArray = [value] if isinstance(value, str) else value
    if all(isinstance(item, int) for item in items):
        items = [items]
    for at, item in enumerate(items):
        if not item:
            where = "input" if items is not value else f"input[{at}]"
            raise bad_request(f"`{where}`: must not be empty.", param=where)
    if all(isinstance(item, str) for item in items):
        return tuple(items)
    if all(isinstance(item, list) for item in items):
        return tuple(tuple(item) for item in items)
    raise bad_request(
        "`input`: must be a string, strings, a list of tokens or lists of tokens.", param="input"
    )


def render(vectors: Sequence[bytes], usage: Usage, members: JSONObject) -> bytes:
    """The list object. `vectors`: encoded, in the order of the inputs; `members`: model and FreeAI's own fields."""
    counts: JSONObject = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens}
    if usage.estimated:
        counts["estimated"] = True
    data = [
        {"object": "embedding", "index": index, "embedding": orjson.Fragment(vector)}
        for index, vector in enumerate(vectors)
    ]
    return orjson.dumps({"object": "list", "data": data, "usage": counts, **members})
