"""Reranking: a query and documents, and how well each document answers it."""

from msgspec import Struct, field

from apps.core.json_types import JSONObject
from apps.providers.tasks import TaskAnswer, TaskRequest


class RerankRequest(TaskRequest, frozen=True, kw_only=True):
    """A validated rerank request. `tokens`: about how many upstreams count for it, that is the query once with each document.

    `top_n`: how many results are wanted, None for all. `extra`: fields that are passed on as they came.
    """

    query: str
    documents: tuple[str, ...]
    tokens: int
    top_n: int | None = None
    extra: JSONObject = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        """Of all documents: no context window has to hold them, since upstreams read each by itself and cut what is too long."""
        return self.tokens


class Ranked(Struct, frozen=True):
    """How relevant the document at `index` of the request is, from 0 to 1."""

    index: int
    score: float


class Reranked(TaskAnswer, frozen=True, kw_only=True):
    """Documents by relevance, the most relevant first; perhaps not all. `search_units`: what it is billed by, where that was told."""

    ranked: tuple[Ranked, ...]
    search_units: int | None = None
