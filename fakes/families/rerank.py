"""Rerank endpoints: Jina's /rerank, Cohere's, Cloudflare's /ai/run, NVIDIA's retrieval, and the bare one of an embeddings server.

A document has the same relevance to a query on every wire, in every company.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import Any

import orjson

from fakes.answers import Answer, Asked
from fakes.behaviours import Deviation
from fakes.faults import Problem, Refused

from .base import Call, Deviations, Event, json_object, prompt_size_and_digest, require_types


def relevance_of(query: str, document: str) -> float:
    """Between 0 and 1: how many of the query's words the document has, and something of its own, so that no two are alike."""
    asked = set(query.lower().split())
    shared = len(asked & set(document.lower().split())) / len(asked)
    noise = random.Random(f"{query}\n{document}").uniform(0.01, 0.09)  # noqa: S311 - the same pair has the same relevance
    return round(0.9 * shared + noise, 6)


class Rerank:
    """POST /rerank in Jina's form. `where`: the member of the answer that holds the results. Other forms override what differs."""

    name = "rerank"
    method = "POST"
    path = "/rerank"
    generates = True
    public = False
    line_end = b"\n"
    done = None

    def __init__(self, where: str = "results") -> None:
        self._where = where

    def read(self, call: Call) -> Asked:
        """What is asked: the query first, then the documents."""
        body = json_object(call)
        require_types(body, {"model": str, "query": str, "documents": list, "top_n": int, "top_k": int})
        texts = [item["text"] if isinstance(item, dict) else item for item in body.get("documents") or []]
        return self._asked(
            body.get("model") or "", body.get("query"), texts, body.get("top_n") or body.get("top_k"), body
        )

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """All documents, or the best so many."""
        query, *documents = asked.inputs
        found = sorted(
            ((relevance_of(query, text), at) for at, text in enumerate(documents)),
            key=lambda pair: (-pair[0], pair[1]),
        )
        return orjson.dumps(self.document(asked, found[: asked.dimensions or None], deviations))

    def document(self, asked: Asked, found: list[tuple[float, int]], deviations: Deviations) -> Any:
        """The answer as JSON. `found`: relevance and place, the best first."""
        results = [
            {"index": at, "relevance_score": score, "document": {"text": asked.inputs[at + 1]}}
            for score, at in found
        ]
        document = {"model": asked.model, "object": "list", self._where: results}
        usage = {"total_tokens": asked.prompt_tokens}
        return document if Deviation.NO_USAGE in deviations else document | {"usage": usage}

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: rankings are never streamed."""
        return ()

    def _asked(self, model: str, query: Any, texts: list[Any], top: Any, body: Any) -> Asked:
        if not isinstance(query, str) or not query:
            raise Refused(Problem(status=422, message="query: must not be empty", param="query"))
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise Refused(Problem(status=422, message="documents: must be texts", param="documents"))
        tokens, digest = prompt_size_and_digest([query, *texts], model)
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            prompt_tokens=tokens,
            inputs=(query, *texts),
            dimensions=top or 0,
            body=body,
        )


class CohereRerank(Rerank):
    """POST /v2/rerank: documents are texts, and there are billed units instead of tokens."""

    def document(self, asked: Asked, found: list[tuple[float, int]], deviations: Deviations) -> Any:
        """Indexes and scores."""
        units = -(-(len(asked.inputs) - 1) // 100)
        return {
            "id": asked.digest,
            "results": [{"index": at, "relevance_score": score} for score, at in found],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": units}},
        }


class WorkersAIRerank(Rerank):
    """POST …/ai/run/{model}, beside …/ai/v1."""

    path = "/../run/{model:@cf/.+reranker[^/]*}"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"query": str, "contexts": list, "top_k": int})
        texts = [context.get("text") for context in body.get("contexts") or []]
        return self._asked(call.match["model"], body.get("query"), texts, body.get("top_k"), body)

    def document(self, asked: Asked, found: list[tuple[float, int]], deviations: Deviations) -> Any:
        """Cloudflare's envelope."""
        response = [{"id": at, "score": score} for score, at in found]
        return {"result": {"response": response}, "success": True, "errors": [], "messages": []}


class RetrievalRerank(Rerank):
    """POST …/retrieval/{model}/reranking, answered in logits."""

    path = "/retrieval/{model:.+}/reranking"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"model": str, "query": dict, "passages": list, "truncate": str})
        texts = [passage.get("text") for passage in body.get("passages") or []]
        return self._asked(call.match["model"], (body.get("query") or {}).get("text"), texts, None, body)

    def document(self, asked: Asked, found: list[tuple[float, int]], deviations: Deviations) -> Any:
        """Rankings by logit."""
        return {"rankings": [{"index": at, "logit": math.log(score / (1 - score))} for score, at in found]}


class EmbeddingServerRerank(Rerank):
    """POST /rerank with `texts`; the answer is a bare list."""

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        require_types(body, {"query": str, "texts": list, "raw_scores": bool, "truncate": bool})
        return self._asked("", body.get("query"), body.get("texts") or [], None, body)

    def document(self, asked: Asked, found: list[tuple[float, int]], deviations: Deviations) -> Any:
        """A bare list."""
        return [{"index": at, "score": score} for score, at in found]
