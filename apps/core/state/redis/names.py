"""The keys in Redis. All of a user's begin with their id as a hash tag, so that one script may touch them on a cluster too.

fa1:{1}:epoch              to which life of the counters the user's belong
fa1:{1}:EPOCH:1:groq       hash: all of an account; its fields are a letter and a state key
fa1:{1}:EPOCH:1:groq|m:g   sorted set: the open grants of a candidate, by when they count as lost
fa1:{*}:…                  what belongs to nobody: the epoch of all, providers that are closed for everybody, the processes

Fields of a hash: w a window's counter, l its lesson, p who probes it; b a block, r its row; k the breaker, a the averages of a candidate,
u refusals of the account that nothing explains; t when it was written last, x when it is of no more use.
"""

from functools import lru_cache
from typing import Final

from apps.core.state.contract import Window
from apps.core.state.keys import account_of, parse_window_key

VERSION: Final = "fa1"
"""What is stored under another one has another shape."""
ALL: Final = "*"


def tag_of(credential: str) -> str:
    """Whose a key is."""
    return credential.partition(":")[0]


def owner_of(window: Window) -> str:
    """The account, or client key, whose hash holds the window."""
    return owner_of_key(window.key)


@lru_cache(maxsize=50_000)
def owner_of_key(window_key: str) -> str:
    """The same, of the window's key."""
    return account_of(parse_window_key(window_key).scope)


class Names:
    """Of one epoch."""

    def __init__(self, prefix: str, epoch: str) -> None:
        self._prefix = prefix
        self.epoch = epoch

    def epoch_of(self, tag: str) -> str:
        return f"{self._prefix}:{{{tag}}}:epoch"

    def hash_of(self, owner: str) -> str:
        return f"{self._prefix}:{{{tag_of(owner)}}}:{self.epoch}:{owner}"

    def grants_of(self, candidate: str) -> str:
        return f"{self.hash_of(candidate)}:g"

    def merged_of(self, owner: str, turn: str) -> str:
        return f"{self.hash_of(owner)}:merged:{turn}"

    def of_all(self, what: str) -> str:
        """Whatever the epoch."""
        return f"{self._prefix}:{{{ALL}}}:{what}"
