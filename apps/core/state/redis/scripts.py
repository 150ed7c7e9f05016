"""The scripts that Redis runs: loaded on each connection, called by digest.

A script is what all have in common and a file of its own. Its digest is that of its text, so that processes of two versions call two
scripts; what is stored has its version in the keys (`keys.VERSION`).
"""

from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Final, Literal, get_args

Name = Literal["acquire", "take", "settle", "tighten", "merge", "renew", "reset", "look", "swap"]

NAMES: Final[tuple[Name, ...]] = get_args(Name)
_FOLDER: Final = Path(__file__).with_name("lua")
_CALL: Final = ("call",)
_COUNTING: Final = (*_CALL, "kinds", "bucket", "windows")
_NEEDS: Final[dict[Name, tuple[str, ...]]] = {
    "acquire": (*_COUNTING, "health"),
    "take": _COUNTING,
    "settle": (*_COUNTING, "health"),
    "tighten": _COUNTING,
    "merge": (*_COUNTING, "health"),
    "renew": _COUNTING,
    "reset": _CALL,
    "look": _CALL,
    "swap": _CALL,
}


@cache
def text(name: Name) -> str:
    """The whole script."""
    return "\n".join((_FOLDER / f"{part}.lua").read_text("utf-8") for part in (*_NEEDS[name], name))


@cache
def digest(name: Name) -> str:
    """What Redis calls it."""
    return sha1(text(name).encode(), usedforsecurity=False).hexdigest()
