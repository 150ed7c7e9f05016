"""What texts were found to be: an agent sends the same words with every turn of its loop, an application the same instructions.

Neither the texts nor words of them are kept, nor a digest that anybody could look a text up by: its key is of this process alone.
"""

import os
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from msgspec import Struct

MOST_KEPT: Final = 8192
"""About a megabyte."""
KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16


class Gist(Struct, frozen=True, gc=False):
    """What a text shows, without the words that show it: its language, and its scores for code and reasoning."""

    language: str = ""
    code: float = 0.0
    reasoning: float = 0.0


class Memory:
    """Gists by digest, in two generations: where the younger one is full the elder one goes, and it takes its place. What is asked for
    again is young. So there is nothing to lock: of two threads at once, one reads a text that the other has read."""

    def __init__(self, read: Callable[[str], Gist], most: int = MOST_KEPT) -> None:
        self._read = read
        self._most = most // 2
        self._key = os.urandom(KEY_BYTES)
        self._young: dict[bytes, Gist] = {}
        self._elder: dict[bytes, Gist] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._elder)

    def gist(self, text: str) -> Gist:
        """What `read` makes of the text, read once."""
        data = text.encode(errors="surrogatepass")
        digest = blake2b(data, digest_size=DIGEST_BYTES, key=self._key).digest()
        if (known := self._young.get(digest)) is not None:
            return known
        known = self._elder.get(digest) or self._read(text)
        if len(self._young) >= self._most:
            self._elder, self._young = self._young, {}
        self._young[digest] = known
        return known
