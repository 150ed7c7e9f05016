"""The one error of the expression language.

Everything that can be wrong with an expression is found when it is compiled, and raised as an
``ExpressionError``. A compiled expression never raises: what cannot be computed is unknown.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

_LONGEST_NAME: Final = 64  # compared with the known names, which are all shorter


class ExpressionError(Exception):
    """An expression that is refused, explained like a compiler would.

    ``position`` is the 0-based column (in characters, newlines included) of what is wrong.
    ``message`` says what was found and how to write it; ``allowed`` lists what may stand there.
    """

    def __init__(self, position: int, message: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.allowed = tuple(allowed)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """`` Did you mean X?`` for the known name nearest to ``name``, or an empty text."""
    nearest = get_close_matches(name[:_LONGEST_NAME], known, n=1)
    return f" Did you mean {nearest[0]}?" if nearest else ""
