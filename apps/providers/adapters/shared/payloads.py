"""JSON bodies: encoding what goes out, decoding what upstreams answer."""

from typing import Any

import orjson

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer

from .lenient import read_values

SHOWN_BYTES = 200


def encoded(payload: JSONObject, param: str | None = None) -> bytes:
    """The body to send. Raises UpstreamError(REFUSED) for what no JSON can say; `param`: the field to blame."""
    try:
        return orjson.dumps(payload)
    except TypeError as exc:
        raise cannot_say(f"the request cannot be sent as JSON: {exc}", param) from exc


def beginning(body: bytes, offer: Offer) -> str:
    """How `body` begins, for an error's message: without the offer's key."""
    return scrub(body[:SHOWN_BYTES].decode("utf-8", "replace"), offer.api_key)


def load_json(body: bytes, offer: Offer) -> Any:
    """The JSON value in `body`, as far as it can be read. Raises UpstreamError(PARSING)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        try:
            (value,) = read_values(body)
        except ValueError:
            kind = "HTML" if body.lstrip().startswith(b"<") else "something else"
            message = f"the upstream sent {kind} instead of JSON: {beginning(body, offer)}"
            raise UpstreamError(ErrorKind.PARSING, message) from exc
        return value


def load_payload(body: bytes, offer: Offer) -> JSONObject:
    """The JSON object in `body`, taken out of the array that some upstreams wrap around it. Raises
    UpstreamError(PARSING)."""
    payload = load_json(body, offer)
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        raise UpstreamError(ErrorKind.PARSING, "the upstream's answer is not a JSON object")
    return payload
