"""Classifying Cohere's refusals: flat {"id", "message"}, by status first, by documented text where that is shared."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from apps.providers.adapters.refusals.answers import upstream_error
from apps.providers.adapters.refusals.classification import classify
from apps.providers.adapters.refusals.details import Details, read_body
from apps.providers.adapters.refusals.meanings import (
    ACCOUNT_MINUTE,
    FAILED,
    FILTERED,
    MODEL_MINUTE,
    REFUSED,
    Meaning,
)
from apps.providers.adapters.refusals.waits import retry_after_s
from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.errors import UpstreamError
from apps.providers.types import Offer

TOO_MANY = 429
# 498: the output was blocked; 499: the connection was lost between them; 501: not for this model.
BY_STATUS: dict[int, Meaning] = {498: FILTERED, 499: FAILED, 501: REFUSED}
# The model's own slip: another try may well succeed.
NO_VALID_RESPONSE = "NO_VALID_RESPONSE_GENERATED"
# The calls a minute are counted by model, the tokens for the whole trial key.
TOKEN_LIMIT = re.compile(r"token rate limit", re.IGNORECASE)
CALL_LIMIT = re.compile(r"calls ?/ ?minute", re.IGNORECASE)


def parse_error(status: int, headers: Mapping[str, str], body: bytes, offer: Offer) -> UpstreamError:
    """Classify an answer that is not 2xx. Header names are lower case."""
    details = read_body(body)
    error_type = _error_type(body)
    meaning = _meaning(status, details, error_type, offer)
    details = replace(details, code=error_type)
    return upstream_error(meaning, details, offer, status, retry_after_s(headers, details))


def _meaning(status: int, details: Details, error_type: str, offer: Offer) -> Meaning:
    if error_type == NO_VALID_RESPONSE:
        return FAILED
    if known := BY_STATUS.get(status):
        return known
    if status == TOO_MANY and TOKEN_LIMIT.search(details.message):
        return ACCOUNT_MINUTE
    if status == TOO_MANY and CALL_LIMIT.search(details.message):
        return MODEL_MINUTE
    return classify(status, details, offer)


def _error_type(body: bytes) -> str:
    """The finer code that a 422 may carry; "" where there is none."""
    try:
        payload: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return as_text(as_dict(payload).get("error_type"))
