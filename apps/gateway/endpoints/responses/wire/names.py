"""Names of tools: a namespace and a name become one that upstreams take, and back."""

from hashlib import sha256
from typing import Final, Literal, NamedTuple

LONGEST: Final = 64
JOINT: Final = "__"
DIGITS: Final = 8


class Declared(NamedTuple):
    """A tool as the client declared it: its calls come back in the same words."""

    kind: Literal["function", "custom"]
    name: str
    namespace: str | None = None


def flat(name: str, namespace: str | None) -> str:
    """The one name of a tool. What is too long is cut, and told apart by a digest of all of it."""
    if not namespace:
        return name
    joined = f"{namespace.removesuffix(JOINT)}{JOINT}{name}"
    if len(joined) <= LONGEST:
        return joined
    digest = sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{joined[: LONGEST - DIGITS - 1]}_{digest}"
