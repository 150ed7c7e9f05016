"""The model lists that tests put in place of the upstreams' own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PAGE_MOST = 1_000


@dataclass(slots=True)
class Lists:
    """By upstream, the entries of its list; how many come on a page at most, whatever is asked for."""

    entries: dict[str, list[Any]] = field(default_factory=dict)
    page_most: int = PAGE_MOST

    def reset(self) -> None:
        """As the upstreams have them."""
        self.entries.clear()
        self.page_most = PAGE_MOST
