"""Ollama's API in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.ollama.wire import schema
from apps.gateway.endpoints.ollama.wire.response import LINES
from apps.gateway.wire.reference import ATTEMPTED, TEXT_ERROR, Operation, Route


class OllamaAnswer(Struct, kw_only=True):
    """An answer, or a line of one, with who answered, by which strategy, and after whom. `message` of a chat, `response` of a prompt."""

    model: str
    created_at: str
    done: bool
    message: JSONObject = {}
    response: str = ""
    done_reason: str = ""
    prompt_eval_count: int = 0
    eval_count: int = 0
    provider: str = ""
    real_model: str = ""
    strategy_used: str = ""
    fallback_chain: list[str] = []
    latency_ms: int = 0


class OllamaVectors(Struct, kw_only=True):
    """Vectors in the order of the inputs."""

    model: str
    embeddings: list[list[float]]
    prompt_eval_count: int
    provider: str


class OllamaVector(Struct, kw_only=True):
    """One vector."""

    model: str
    embedding: list[float]
    provider: str


class OllamaTags(Struct):
    """What can be asked for."""

    models: list[JSONObject]


class OllamaShown(Struct, kw_only=True):
    """One model."""

    capabilities: list[str]
    details: JSONObject
    model_info: JSONObject


class OllamaVersion(Struct):
    """Whose words are spoken here."""

    version: str


HELLO: Final[list[JSONObject]] = [{"role": "user", "content": "Hello"}]
ANSWERED: Final[dict[str, Any]] = {
    "model": "freeai-fast",
    "created_at": "2026-11-27T12:00:00.000000Z",
    "provider": "groq",
    "real_model": "openai/gpt-oss-120b",
    "strategy_used": "fastest",
    "fallback_chain": ["groq"],
    "latency_ms": 427,
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 8,
    "eval_count": 70,
}
CHATTED: Final = ANSWERED | {"message": {"role": "assistant", "content": "Hello!"}}
VECTORS: Final = {"model": "mistral-embed", "prompt_eval_count": 6, "provider": "mistral"}


def _asking(summary: str, body: Any, sent: JSONObject, example: JSONObject) -> Operation:
    return Operation(
        summary=summary,
        body=body,
        answer=OllamaAnswer,
        formats=(LINES,),
        errors=ATTEMPTED,
        error=TEXT_ERROR,
        sent={"model": "freeai-fast", "stream": False, **sent},
        example=example,
    )


def _embedding(body: Any, answer: Any, sent: JSONObject, example: JSONObject) -> Operation:
    return Operation(
        summary="Vectors of texts",
        body=body,
        answer=answer,
        errors=ATTEMPTED,
        error=TEXT_ERROR,
        sent={"model": "mistral-embed", **sent},
        example=VECTORS | example,
    )


OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("GET", "/ollama/"): Operation(
        summary="There is a server", answer=None, formats=("text/plain",), is_open=True, error=TEXT_ERROR
    ),
    ("GET", "/ollama/api/version"): Operation(
        summary="Whose API it is",
        answer=OllamaVersion,
        is_open=True,
        error=TEXT_ERROR,
        example={"version": "0.18.3"},
    ),
    ("GET", "/ollama/api/ps"): Operation(
        summary="Which models are loaded: none", answer=OllamaTags, is_open=True, error=TEXT_ERROR
    ),
    ("GET", "/ollama/api/tags"): Operation(
        summary="The models that can be asked for; with a key all that it may ask for",
        answer=OllamaTags,
        is_open=True,
        errors=(429,),
        error=TEXT_ERROR,
    ),
    ("POST", "/ollama/api/show"): Operation(
        summary="One of them",
        body=schema.OllamaShowBody,
        answer=OllamaShown,
        is_open=True,
        errors=(404, 429),
        error=TEXT_ERROR,
        sent={"model": "freeai-fast"},
    ),
    ("POST", "/ollama/api/chat"): _asking(
        "Chat as Ollama's API, whole or line by line", schema.OllamaChatBody, {"messages": HELLO}, CHATTED
    ),
    ("POST", "/ollama/api/generate"): _asking(
        "The answer to a prompt",
        schema.OllamaGenerateBody,
        {"prompt": "Hello"},
        ANSWERED | {"response": "Hello!"},
    ),
    ("POST", "/ollama/api/embed"): _embedding(
        schema.OllamaEmbedBody, OllamaVectors, {"input": ["first doc"]}, {"embeddings": [[-0.0017, 0.0131]]}
    ),
    ("POST", "/ollama/api/embeddings"): _embedding(
        schema.OllamaEmbeddingsBody, OllamaVector, {"prompt": "first doc"}, {"embedding": [-0.0017, 0.0131]}
    ),
}
