"""GET /v1beta/models for clients of Google's API: the same models in its shape, page by page."""

from typing import Final

import orjson
from django.http import QueryDict

from apps.core.json_types import JSONObject
from apps.gateway.answering import askable
from apps.gateway.wire.errors import bad_request

PREFIX: Final = "models/"
METHODS: Final = ("generateContent", "streamGenerateContent", "countTokens")
OUTPUT_TOKENS: Final = 65_536
"""What to plan with: a cap above a model's own is cut to it."""
USUAL, MOST = 50, 1000
DIGITS: Final = 6


def listing(models: list[JSONObject], query: QueryDict) -> bytes:
    """One page. Raises ApiError(400)."""
    size = min(_number(query, "pageSize", USUAL), MOST) or USUAL
    start = _number(query, "pageToken", 0)
    page: JSONObject = {"models": [_model(model) for model in models[start : start + size]]}
    if start + size < len(models):
        page["nextPageToken"] = str(start + size)
    return orjson.dumps(page)


def single(asked: str, models: list[JSONObject]) -> bytes:
    """One model. Raises ApiError(404)."""
    return orjson.dumps(_model(askable.find(asked.removeprefix(PREFIX), models, asked)))


def _number(query: QueryDict, name: str, usual: int) -> int:
    """Raises ApiError(400)."""
    text = query.get(name) or str(usual)
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS:
        raise bad_request(f"`{name}`: must be a whole number.", param=name)
    return int(text)


def _model(model: JSONObject) -> JSONObject:
    return {
        "name": f"{PREFIX}{model['id']}",
        "version": "1",
        "displayName": model["id"],
        "description": model["description"],
        "inputTokenLimit": model["context_length"],
        "outputTokenLimit": OUTPUT_TOKENS,
        "supportedGenerationMethods": list(METHODS),
    }
