"""Names that a client gives and that go into headers, logs and rows as they are."""

import re
from typing import Final

from apps.core.json_types import JSONObject
from apps.gateway.wire.errors import bad_request

MODEL = re.compile(r"[!-~]{1,200}")
MODEL_SCHEMA: Final[JSONObject] = {"pattern": "^[!-~]{0,200}$"}
"""What a JSON Schema says of it; an empty name is none."""


def native_model(name: str | None) -> str | None:
    """A model's name for an upstream that may know it, None where there is none. Raises ApiError(400)."""
    if not name:
        return None
    if not MODEL.fullmatch(name):
        raise bad_request(
            "`model`: must be at most 200 printable ASCII characters without blanks.", param="model"
        )
    return name
