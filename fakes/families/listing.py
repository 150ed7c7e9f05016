"""GET of a model list: paged as each provider pages, with contents that a test can change between two readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from fakes.answers import Answer, Asked

from .base import Call, Deviations, Listing

Page = Callable[[list[Any], Mapping[str, str], int], Any]
"""From all entries, the query and the most that a page may hold to the document of one page."""


class ModelList(Listing):
    """`document` is the whole list as it is without a test's own; `key` is where its entries are, "" in a bare array."""

    def __init__(
        self,
        document: Any,
        *,
        path: str = "/models",
        key: str = "data",
        page: Page | None = None,
        public: bool = False,
    ) -> None:
        super().__init__("models", path, document, public=public)
        self.document = document
        self._key = key
        self._page = page

    def read(self, call: Call) -> Asked:
        """The page that is asked for."""
        entries = call.listed
        if entries is None:
            entries = self.document[self._key] if self._key else self.document
        if self._page is not None:
            document = self._page(entries, call.query, call.page_most)
        else:
            document = {**self.document, self._key: entries} if self._key else entries
        return Asked(family=self.name, model=self.name, document=orjson.dumps(document))

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """The page."""
        return asked.document


def page_tokens(key: str, size: str, token: str, next_token: str, default: int) -> Page:
    """Pages that name the token of the next: the query's `size` and `token`, the answer's `next_token`."""

    def page(entries: list[Any], query: Mapping[str, str], most: int) -> Any:
        start = int(query.get(token) or 0)
        end = start + min(int(query.get(size, default)), most)
        more = {next_token: str(end)} if end < len(entries) else {}
        return {key: entries[start:end], **more}

    return page


def linked_pages(entries: list[Any], query: Mapping[str, str], most: int) -> Any:
    """`limit` and `offset`, and a link to what follows."""
    limit, offset = min(int(query.get("limit", 500)), most), int(query.get("offset", 0))
    following = (
        f"models?{urlencode({**query, 'offset': offset + limit})}" if offset + limit < len(entries) else None
    )
    return {
        "data": entries[offset : offset + limit],
        "links": {"next": following},
        "total_count": len(entries),
    }


def numbered_pages(entries: list[Any], query: Mapping[str, str], most: int) -> Any:
    """`page`, from 1, and `per_page`."""
    size, number = min(int(query.get("per_page", 20)), most), int(query.get("page", 1))
    start = (number - 1) * size
    return {
        "success": True,
        "errors": [],
        "messages": [],
        "result": entries[start : start + size],
        "result_info": {"page": number, "per_page": size, "total_count": len(entries)},
    }
