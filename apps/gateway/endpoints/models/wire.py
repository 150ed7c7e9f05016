"""GET /v1/models in OpenAI's shape."""

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.answering import askable


def listing(models: list[JSONObject]) -> bytes:
    """The list object."""
    return orjson.dumps({"object": "list", "data": models})


def single(name: str, models: list[JSONObject]) -> bytes:
    """One model object, by its id or, for a provider's model, by its bare name. Raises ApiError(404)."""
    return orjson.dumps(askable.find(name, models, name))
