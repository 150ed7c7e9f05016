"""What a provider keeps of prompts: of one that begins as an earlier one, the tokens of that beginning are told as cached.

Real ones keep prefixes in blocks, from a least length on and for some minutes; the fake from the same length on, until it is reset.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import orjson

from .answers import CHARS_PER_TOKEN

LEAST_TOKENS = 1_024
BLOCK_TOKENS = 128
MOST = 10_000


class PromptCache:
    """Of one provider: beginnings of prompts, by model and key, known by digests."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def cached_tokens(self, model: str, key: str, body: Any) -> int:
        """How many tokens of this prompt are known from an earlier one; it is kept itself."""
        cached = 0
        for digest, tokens in _beginnings(f"{model}\0{key}", body):
            if digest in self._known:
                cached = tokens
            self._known[digest] = None
            self._known.move_to_end(digest)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        whole_blocks = cached // BLOCK_TOKENS * BLOCK_TOKENS
        return whole_blocks if whole_blocks >= LEAST_TOKENS else 0


def _beginnings(whose: str, body: Any) -> Iterator[tuple[bytes, int]]:
    """Of a request's body, what it begins with up to each of its turns: a digest, and about how many tokens. A turn ends nowhere else."""
    if not isinstance(body, dict):
        return
    turns = body.get("messages") or body.get("contents")
    digest, size = blake2b(whose.encode(), digest_size=16), 0
    for part in (
        body.get("tools"),
        body.get("systemInstruction"),
        *(turns if isinstance(turns, list) else ()),
    ):
        text = orjson.dumps(part)
        digest.update(text)
        size += len(text)
        yield digest.digest(), size // CHARS_PER_TOKEN
