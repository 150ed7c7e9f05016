"""POST /v1/rerank: bytes -> RerankRequest, documents by relevance -> the one answer that Cohere's and Jina's clients read."""

from math import ceil
from typing import Annotated, Any, Final

import orjson
from msgspec import Meta

from apps.core.json_types import JSONArray, JSONObject
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.tasks import NonEmpty, TaskBody, further, prompt_counts
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.estimates import text_tokens

MAX_DOCUMENTS: Final = 1_000
DOCUMENTS_A_UNIT: Final = 100
"""That many are one search unit (Cohere's price page, 2026-11)."""
Documents = Annotated[list[NonEmpty | dict[str, Any]], Meta(min_length=1, max_length=MAX_DOCUMENTS)]
Count = Annotated[int, Meta(ge=1)]


class RerankBody(TaskBody, kw_only=True):
    """The known fields: the union of what the two kinds of clients send. `top_k` is another word for `top_n`."""

    query: NonEmpty
    documents: Documents
    top_n: Count | None = None
    top_k: Count | None = None
    return_documents: bool | None = None
    rank_fields: list[NonEmpty] | None = None


class Asked(RerankRequest, frozen=True, kw_only=True):
    """The request as its endpoint knows it. `given`: the documents as the client sent them, empty where it does not want them back."""

    given: JSONArray


def parse(body: bytes) -> Asked:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body)
    known = validate(raw, RerankBody)
    documents = tuple(
        _text_of(document, known.rank_fields, f"documents[{at}]")
        for at, document in enumerate(known.documents)
    )
    return Asked(
        **known.routing(),
        query=known.query,
        documents=documents,
        tokens=_tokens(known.query, documents),
        top_n=known.top_n or known.top_k,
        extra=further(raw, RerankBody),
        given=[_shown(document) for document in known.documents] if known.return_documents else [],
    )


def _text_of(document: str | JSONObject, fields: list[str] | None, where: str) -> str:
    """What of a document is ranked: an object's `text`, or the fields that the client names. Raises ApiError(400)."""
    if isinstance(document, str):
        return document
    texts = []
    for name in fields or ["text"]:
        text = document.get(name)
        if not isinstance(text, str) or not text:
            path = f"{where}.{name[:100]}"
            raise bad_request(f"`{path}`: must be a text that is not empty.", param=path)
        texts.append(f"{name}: {text}" if fields else text)
    return "\n".join(texts)


def _tokens(query: str, documents: tuple[str, ...]) -> int:
    """As those count who count tokens: the query with each document."""
    return max(text_tokens(query) * len(documents) + sum(map(text_tokens, documents)), 1)


def _shown(document: str | JSONObject) -> JSONObject:
    return {"text": document} if isinstance(document, str) else document


def render(request_id: str, request: Asked, ranking: Reranked, members: JSONObject) -> bytes:
    """The answer. `members`: model and FreeAI's own fields."""
    units = ranking.search_units
    if units is None:
        units = ceil(len(request.documents) / DOCUMENTS_A_UNIT)
    return orjson.dumps(
        {
            "id": request_id,
            "object": "rerank",
            "results": [
                {"index": one.index, "relevance_score": one.score} | _document(request, one.index)
                for one in ranking.ranked[: request.top_n]
            ],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": units}},
            "usage": prompt_counts(ranking.usage),
            **members,
        }
    )


def _document(request: Asked, index: int) -> JSONObject:
    return {"document": request.given[index]} if request.given else {}
