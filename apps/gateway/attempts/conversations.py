"""Which candidate a conversation is with: its next turn goes there too, as long as that one is about as good as the best.

What a provider keeps of a conversation (a cached prompt, signed thoughts, sealed reasoning) is worth something there and nothing elsewhere.
A conversation is known by a keyed digest of how it begins and of who asks; the key is this process's own, so that nobody can tell from
what is held here what was said. Pure but for its memory.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from apps.core.json_types import JSONObject

KEPT_S: Final = 3600.0
"""Prompt caches last minutes to an hour, and who comes back later begins anew."""
MOST: Final = 20_000
"""Conversations of one process: with 16 bytes and a name each, some 5 MB."""
MOST_OPENING: Final = 8
"""Messages before the user's first, and that one: what tells conversations apart is in them."""
ENDS: Final = 512
"""Characters of each end of a text that are looked at: instructions of 20 kB differ in their last lines, if at all."""
MOST_PARTS: Final = 4
DIGEST_BYTES: Final = 16
ANSWERED: Final = frozenset({"assistant", "tool", "function"})
"""Roles of messages that somebody's earlier answer led to."""

Owner = tuple[int, int | None]
"""A user, and the client key that asks; None where there is none."""
_SECRET: Final = os.urandom(32)


class Turn(NamedTuple):
    """A request's place in its conversation. `goes_on`: it has an answer in it; requests that merely begin alike are spread."""

    conversation: bytes
    goes_on: bool


def turn_of(body: JSONObject, owner: Owner) -> Turn:
    """That of a chat request."""
    messages = body["messages"]
    opening = "".join([f"{owner}", *_opening(messages)]).encode(errors="surrogatepass")
    digest = blake2b(opening, digest_size=DIGEST_BYTES, key=_SECRET).digest()
    return Turn(digest, any(message["role"] in ANSWERED for message in reversed(messages)))


class Conversations:
    """Of one process. A fleet's processes have their own: to look a conversation up in Redis would be the only round trip of a ranking."""

    def __init__(self) -> None:
        self._candidates: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def answering(self, turn: Turn | None, now: float) -> str | None:
        """The state key of the candidate that answered the conversation last; None where nobody did within KEPT_S."""
        if turn is None or not turn.goes_on:
            return None
        known = self._candidates.get(turn.conversation)
        return known[0] if known is not None and now < known[1] else None

    def note(self, turn: Turn | None, candidate: str, now: float) -> None:
        """The candidate answers this turn. What was quiet for the longest makes room."""
        if turn is None:
            return
        self._candidates[turn.conversation] = (candidate, now + KEPT_S)
        self._candidates.move_to_end(turn.conversation)
        if len(self._candidates) > MOST:
            self._candidates.popitem(last=False)

    def __len__(self) -> int:
        return len(self._candidates)


def _opening(messages: Sequence[JSONObject]) -> Iterator[str]:
    """Of each message up to the user's first: its role, how long it is, and its ends."""
    for message in messages[:MOST_OPENING]:
        role, text = message["role"], _text(message.get("content"))
        ends = text if len(text) <= 2 * ENDS else text[:ENDS] + text[-ENDS:]
        yield f"\0{role}\0{len(text)}\0{ends}"
        if role == "user":
            return


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\0".join(str(part.get("text") or "") for part in content[:MOST_PARTS])
    return content or ""
