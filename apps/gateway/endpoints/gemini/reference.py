"""Google's API for Gemini in the OpenAPI document, as Google writes it: names in camel case. The same is served under /v1."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.gemini.wire.schema import BatchBody, CountedBody, EmbedBody, GenerateBody
from apps.gateway.wire.reference import ATTEMPTED, GOOGLE_ERROR, Operation, Route
from apps.gateway.wire.surfaces import V1, V1BETA


class GenerateContentResponse(Struct, kw_only=True):
    """An answer, or a frame of one, with who answered, by which strategy, and after whom."""

    candidates: list[JSONObject]
    usageMetadata: JSONObject = {}  # noqa: N815 - as it is written
    modelVersion: str = ""  # noqa: N815
    responseId: str = ""  # noqa: N815
    provider: str = ""
    real_model: str = ""
    strategy_used: str = ""
    fallback_chain: list[str] = []
    latency_ms: int = 0


class TotalTokens(Struct, kw_only=True):
    """About how many tokens a request has."""

    totalTokens: int  # noqa: N815 - as it is written


class Values(Struct):
    """One vector."""

    values: list[float]


class EmbedContentResponse(Struct):
    """The vector of a text, with who made it."""

    embedding: Values
    model: str
    provider: str
    fallback_position: int


class BatchEmbedContentsResponse(Struct):
    """Vectors in the order of the requests."""

    embeddings: list[Values]
    model: str
    provider: str
    fallback_position: int


HELLO: Final[JSONObject] = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
ANSWERED: Final[dict[str, Any]] = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hello!"}]}, "index": 0, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 70, "totalTokenCount": 78},
    "modelVersion": "freeai-fast",
    "responseId": "01a21ed98467719995a44e1aa45d8e87",
    "provider": "groq",
    "real_model": "openai/gpt-oss-120b",
    "strategy_used": "fastest",
    "fallback_chain": ["groq"],
    "latency_ms": 427,
}
TEXT: Final[JSONObject] = {"content": {"parts": [{"text": "first doc"}]}}
EMBEDDED: Final[JSONObject] = {
    "model": "mistral-embed",
    "provider": "mistral",
    "fallback_position": 1,
}
METHODS: Final[Mapping[str, Operation]] = {
    "generateContent": Operation(
        summary="Chat as Google's API for Gemini",
        body=GenerateBody,
        answer=GenerateContentResponse,
        errors=ATTEMPTED,
        error=GOOGLE_ERROR,
        sent=HELLO,
        example=ANSWERED,
    ),
    "streamGenerateContent": Operation(
        summary="The same, streamed: as events with `alt=sse`, else as one array",
        body=GenerateBody,
        answer=list[GenerateContentResponse],
        events=GenerateContentResponse,
        query={"alt": {"type": "string", "enum": ["sse", "json"]}},
        errors=ATTEMPTED,
        error=GOOGLE_ERROR,
        sent=HELLO,
        example=[ANSWERED],
    ),
    "countTokens": Operation(
        summary="About how many tokens such a request has; no upstream is asked",
        body=CountedBody,
        answer=TotalTokens,
        errors=(404,),
        error=GOOGLE_ERROR,
        sent=HELLO,
        example={"totalTokens": 6},
    ),
    "embedContent": Operation(
        summary="The vector of a text",
        body=EmbedBody,
        answer=EmbedContentResponse,
        errors=ATTEMPTED,
        error=GOOGLE_ERROR,
        sent=TEXT,
        example={"embedding": {"values": [-0.0017, 0.0131]}, **EMBEDDED},
    ),
    "batchEmbedContents": Operation(
        summary="Vectors of texts",
        body=BatchBody,
        answer=BatchEmbedContentsResponse,
        errors=ATTEMPTED,
        error=GOOGLE_ERROR,
        sent={"requests": [TEXT]},
        example={"embeddings": [{"values": [-0.0017, 0.0131]}], **EMBEDDED},
    ),
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", f"/{prefix}models/{{model}}:{method}"): operation
    for prefix in (V1, V1BETA)
    for method, operation in METHODS.items()
}
