"""Embedding endpoints: OpenAI's, Gemini's :batchEmbedContents, Cohere's /embed, Hugging Face's feature extraction.

A text has the same vector on every wire, in every batch and at every place.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import orjson

from fakes.answers import Answer, Asked
from fakes.behaviours import Deviation
from fakes.faults import Problem, Refused

from .base import Call, Deviations, Event, json_object, prompt_size_and_digest, require_types

DEFAULT_DIMENSIONS = 16
_DIMENSIONS = {
    "mistral-embed": 1024,
    "codestral-embed": 1536,
    "gemini-embedding-001": 3072,
    "embed-v4.0": 1536,
    "BAAI/bge-m3": 1024,
}


def vector_of(text: str, dimensions: int) -> list[float]:
    """The fake model's vector of a text, of length 1."""
    noise = random.Random(text)  # noqa: S311 - the same text has the same vector
    values = [noise.uniform(-1, 1) for _ in range(dimensions)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


class Embeddings:
    """What the endpoints share. `read` is theirs, and `document` what they make of the vectors."""

    name = "embeddings"
    method = "POST"
    path = "/embeddings"
    generates = True
    public = False
    line_end = b"\n"
    done = None

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """The vectors of all inputs."""
        dimensions = asked.dimensions or _DIMENSIONS.get(asked.model, DEFAULT_DIMENSIONS)
        vectors = [vector_of(text, dimensions) for text in asked.inputs]
        return orjson.dumps(self.document(asked, vectors, deviations))

    def document(self, asked: Asked, vectors: list[list[float]], deviations: Deviations) -> Any:
        """The answer as JSON."""
        raise NotImplementedError

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: vectors are never streamed."""
        return ()

    def _asked(self, model: str, inputs: list[str], dimensions: Any, body: Any) -> Asked:
        if not inputs:
            raise Refused(Problem(status=400, message="'input' : minimum 1 item", param="input"))
        tokens, digest = prompt_size_and_digest(inputs, model)
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            prompt_tokens=tokens,
            inputs=tuple(inputs),
            dimensions=dimensions or 0,
            body=body,
        )


class OpenAIEmbeddings(Embeddings):
    """POST /embeddings. Vectors come last first: their `index` says where they belong."""

    def read(self, call: Call) -> Asked:
        """What is asked; tokens stand for themselves as text."""
        body = json_object(call)
        require_types(body, {"model": str, "input": (str, list), "dimensions": int, "encoding_format": str})
        if not body.get("model"):
            raise Refused(Problem(status=400, message="you must provide a model parameter", param="model"))
        value = body.get("input") or []
        if isinstance(value, str) or all(isinstance(item, int) for item in value):
            value = [value] if value else []
        texts = [item if isinstance(item, str) else orjson.dumps(item).decode() for item in value]
        if not all(texts):
            raise Refused(Problem(status=400, message="'input' cannot be an empty string", param="input"))
        return self._asked(body["model"], texts, body.get("dimensions") or body.get("output_dimension"), body)

    def document(self, asked: Asked, vectors: list[list[float]], deviations: Deviations) -> Any:
        """OpenAI's list."""
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": asked.prompt_tokens, "total_tokens": asked.prompt_tokens}
        document = {"object": "list", "data": data[::-1], "model": asked.model}
        return document if Deviation.NO_USAGE in deviations else document | {"usage": usage}


class GeminiEmbeddings(Embeddings):
    """POST /models/{model}:batchEmbedContents. Shortened vectors are not of length 1."""

    path = "/models/{model:[^:]+}:batchEmbedContents"
    line_end = b"\r\n"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"requests": list})
        requests = body.get("requests") or []
        parts = [((request.get("content") or {}).get("parts") or [{}])[0] for request in requests]
        dimensions = requests[0].get("outputDimensionality") if requests else None
        return self._asked(call.match["model"], [str(part.get("text")) for part in parts], dimensions, body)

    def document(self, asked: Asked, vectors: list[list[float]], deviations: Deviations) -> Any:
        """A BatchEmbedContentsResponse: no usage."""
        scale = 0.7 if asked.dimensions else 1.0
        return {"embeddings": [{"values": [value * scale for value in vector]} for vector in vectors]}


class CohereEmbeddings(Embeddings):
    """POST /embed."""

    path = "/embed"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"model": str, "texts": list, "output_dimension": int})
        return self._asked(
            body.get("model") or "", body.get("texts") or [], body.get("output_dimension"), body
        )

    def document(self, asked: Asked, vectors: list[list[float]], deviations: Deviations) -> Any:
        """Vectors by type, billed units."""
        meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": asked.prompt_tokens}}
        return {
            "id": asked.digest,
            "embeddings": {"float": vectors},
            "texts": asked.inputs,
            "meta": meta,
            "response_type": "embeddings_by_type",
        }


class FeatureExtraction(Embeddings):
    """POST …/hf-inference/models/{model}/pipeline/feature-extraction, beside the router's /v1."""

    path = "/../hf-inference/models/{model:.+}/pipeline/feature-extraction"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"inputs": (str, list)})
        value = body.get("inputs") or []
        return self._asked(call.match["model"], [value] if isinstance(value, str) else value, None, body)

    def document(self, asked: Asked, vectors: list[list[float]], deviations: Deviations) -> Any:
        """A bare list."""
        return vectors
