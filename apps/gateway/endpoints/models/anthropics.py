"""GET /v1/models for clients of Anthropic's API: the same models in its shape, page by page.

Virtual models are there twice: pickers keep only what begins with "claude" (seen with Claude Code 2.1.197, 2026-11).
"""

from typing import Final

import orjson
from django.http import QueryDict

from apps.core.json_types import JSONObject
from apps.gateway.answering import askable
from apps.gateway.model_names import ALIAS
from apps.gateway.wire.errors import bad_request
from apps.strategies.naming import PREFIX, is_virtual

CREATED_AT: Final = "2026-01-01T00:00:00Z"
USUAL, MOST = 20, 1000


def listing(models: list[JSONObject], query: QueryDict) -> bytes:
    """One page. Raises ApiError(400)."""
    ids = [str(model["id"]) for model in models]
    named = [_model(ALIAS + name) for name in ids if is_virtual(name)] + [_model(name) for name in ids]
    page, has_more = _page(named, query)
    return orjson.dumps(
        {
            "data": page,
            "has_more": has_more,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }
    )


def single(asked: str, meant: str, models: list[JSONObject]) -> bytes:
    """One model by the name that the client has for it; `meant` is ours. Raises ApiError(404)."""
    askable.find(meant, models, asked)
    return orjson.dumps(_model(asked))


def _page(models: list[JSONObject], query: QueryDict) -> tuple[list[JSONObject], bool]:
    """Raises ApiError(400)."""
    text = query.get("limit", str(USUAL))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:5]) <= MOST:
        raise bad_request(f"`limit`: must be a whole number from 1 to {MOST}.", param="limit")
    limit = int(text[:5])
    ids = [model["id"] for model in models]
    if (after := query.get("after_id")) in ids:
        models = models[ids.index(after) + 1 :]
    elif (before := query.get("before_id")) in ids:
        models = models[: ids.index(before)]
        return models[-limit:], len(models) > limit
    return models[:limit], len(models) > limit


def _model(name: str) -> JSONObject:
    own = name.removeprefix(ALIAS)
    shown = f"FreeAI {own.removeprefix(PREFIX)}" if is_virtual(own) else name
    return {
        "type": "model",
        "id": name,
        "display_name": shown,
        "created_at": CREATED_AT,
        "lifecycle": "active",
    }
