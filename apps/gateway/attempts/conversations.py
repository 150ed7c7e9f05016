"""Which candidate a conversation is with: its next turn goes there too, as long as that one is about as good as the best.

What a provider keeps of a conversation (a cached prompt, signed thoughts, sealed reasoning) is worth something there and nothing elsewhere.
A conversation is known by a keyed digest of how it begins and of who asks; the key is this process's own, so that nobody can tell from
what is held here what was said. Pure but for its memory.
"""

import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import inf
from typing import Any, Final, NamedTuple

from apps.core.json_types import JSONObject

KEPT_S: Final = 3600.0
"""At the most, and at least half of it: prompt caches last minutes to an hour, and who comes back later begins anew."""
MOST: Final = 8192
"""Conversations of one process: less than a megabyte. Where two begin in each second, none makes room before its time."""
MOST_OPENING: Final = 8
"""Messages before the user's first, and that one: what tells conversations apart is in them."""
ENDS: Final = 512
"""Characters of each end of a text that are looked at: instructions of 20 kB differ in their last lines, if at all."""
MOST_PARTS: Final = 4
DIGEST_BYTES: Final = 8
"""That two of so many have the same is a matter of 1 to 10^11, and what follows is a tie that is broken for the wrong one."""
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
    """Of one process. A fleet's processes have their own: to look a conversation up in Redis would be the only round trip of a ranking.

    In two generations, as what was read of texts (`strategies/reading/memory`): where the younger one is full or half of KEPT_S old, it
    takes the place of the elder. A time of its own for each would make a conversation three times as large.
    """

    def __init__(self) -> None:
        self._young: dict[bytes, str] = {}
        self._elder: dict[bytes, str] = {}
        self._began = -inf

    def answering(self, turn: Turn | None, now: float) -> str | None:
        """The state key of the candidate that answered the conversation last; None where nobody did within KEPT_S, or half of it."""
        if turn is None or not turn.goes_on:
            return None
        self._forget(now)
        return self._young.get(turn.conversation) or self._elder.get(turn.conversation)

    def note(self, turn: Turn | None, candidate: str, now: float) -> None:
        """The candidate answers this turn. What was quiet for the longest makes room."""
        if turn is None:
            return
        self._forget(now)
        if len(self._young) >= MOST // 2 and turn.conversation not in self._young:
            self._elder, self._young, self._began = self._young, {}, now
        self._elder.pop(turn.conversation, None)
        self._young[turn.conversation] = candidate

    def _forget(self, now: float) -> None:
        """What is too old."""
        if now - self._began >= KEPT_S:
            self._elder, self._young, self._began = {}, {}, now
        elif now - self._began >= KEPT_S / 2:
            self._elder, self._young = self._young, {}
            self._began += KEPT_S / 2

    def __len__(self) -> int:
        return len(self._young) + len(self._elder)


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
