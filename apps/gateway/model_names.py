"""Names of models that clients insist on, and what is meant by them here: an operator's table, one row a line, `pattern = model`.

Patterns are a shell's, in any case of letters; the first row that matches counts. It holds on `/v1/messages` and `/v1/responses`, whose
clients know no other names than Anthropic's or OpenAI's. A name that a provider offers means that model, and needs no row.
"""

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from apps.gateway.config import CONFIG
from apps.gateway.wire.names import MODEL
from apps.providers.offers import CATALOGUE
from apps.strategies.naming import PREFIX, is_virtual

MOST_ROWS: Final = 100
LONGEST: Final = 200
MOST_STARS: Final = 4
"""Each may stand for anything: what a long name costs grows with them."""
ALIAS: Final = "claude-"
"""In front of a virtual model's name: pickers of models keep only what begins so."""
LARGE: Final = "[1m]"
"""Behind a name: with the large context window. Claude Code takes it off, others do not."""

Rows = tuple[tuple[str, str], ...]


class TableError(ValueError):
    """A line that is no row; the argument says which and why."""


@lru_cache(maxsize=4)
def rows(table: str) -> Rows:
    """Pattern and model of each row. Raises TableError."""
    made: list[tuple[str, str]] = []
    for number, line in enumerate(table.splitlines(), 1):
        if not line.strip():
            continue
        pattern, equals, model = (part.strip() for part in line.partition("="))
        if not equals or not pattern or not model:
            raise TableError(f"Line {number}: must be `pattern = model`.")
        if len(pattern) > LONGEST or not MODEL.fullmatch(model):
            raise TableError(
                f"Line {number}: names are at most {LONGEST} printable characters without blanks."
            )
        if pattern.count("*") > MOST_STARS:
            raise TableError(f"Line {number}: at most {MOST_STARS} asterisks.")
        made.append((pattern.lower(), model))
        if len(made) > MOST_ROWS:
            raise TableError(f"At most {MOST_ROWS} rows.")
    return tuple(made)


def meant(name: str | None, user_id: int | None) -> str | None:
    """The name by which the model that a client asks for is known here; the client's own where that is unknown too. `user_id`: whose
    providers may offer it under that name, None for nobody's."""
    if name is None:
        return None
    plain = name.removesuffix(LARGE)
    lowered = plain.lower()
    if lowered.startswith(ALIAS + PREFIX):
        return lowered.removeprefix(ALIAS)
    if is_virtual(plain) or (user_id is not None and _is_offered(plain, user_id)):
        return plain
    found = (model for pattern, model in rows(CONFIG.value.model_names) if fnmatchcase(lowered, pattern))
    return next(found, plain)


def _is_offered(name: str, user_id: int) -> bool:
    return bool(CATALOGUE.value.pool(user_id, paid=CONFIG.value.use_paid).of_model(name))
