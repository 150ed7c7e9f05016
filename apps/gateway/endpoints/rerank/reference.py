"""Reranking in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.rerank.wire import RerankBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class Ranked(Struct, omit_defaults=True):
    """A document's place in the request, and how relevant it is, from 0 to 1."""

    index: int
    relevance_score: float
    document: JSONObject = {}


class Ranking(Struct):
    """Documents by relevance, the most relevant first."""

    id: str
    object: str
    results: list[Ranked]
    meta: JSONObject
    usage: JSONObject
    model: str
    provider: str
    fallback_position: int


OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/rerank"): Operation(
        summary="Documents by relevance to a query",
        body=RerankBody,
        answer=Ranking,
        errors=ATTEMPTED,
        sent={
            "query": "How tall is it?",
            "documents": ["It weighs 10,100 t.", "It is 330 m tall."],
            "top_n": 1,
        },
        example={
            "id": "0198c4d2a6b47c1e8d3f5a7b9c0d1e2f",
            "object": "rerank",
            "results": [{"index": 1, "relevance_score": 0.98}],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
            "usage": {"prompt_tokens": 14, "total_tokens": 14, "estimated": True},
            "model": "rerank-v3.5",
            "provider": "cohere",
            "fallback_position": 1,
        },
    )
}
