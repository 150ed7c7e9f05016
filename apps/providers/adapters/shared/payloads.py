"""JSON bodies: encoding what goes out, decoding what upstreams answer."""

from typing import Any

import orjson

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.sse import BOM, SSEParser
from apps.providers.types import Offer

from .lenient import read_values

SHOWN_BYTES = 200
SHORTEST_KEY = 16
MAX_HEAD = 64
WHITE = b" \t\r\n" + BOM


def encoded(payload: JSONObject, param: str | None = None) -> bytes:
    """The body to send. Raises UpstreamError(REFUSED) for what no JSON can say; `param`: the field to blame."""
    try:
        return orjson.dumps(payload)
    except TypeError as exc:
        raise cannot_say(f"the request cannot be sent as JSON: {exc}", param) from exc


def beginning(body: bytes, offer: Offer) -> str:
    """How `body` begins, for an error's message: without the offer's key."""
    return scrub(body[:SHOWN_BYTES].decode("utf-8", "replace"), offer.api_key)


def key_of(offer: Offer) -> bytes:
    """The offer's key, as answers may repeat it; b"" where it is so short that it may be a word."""
    key = offer.api_key
    return key.encode() if len(key) >= SHORTEST_KEY else b""


def without_key(data: bytes, key: bytes) -> bytes:
    """`data` as anybody may see it: the client of an answer need not be whose `key` it is."""
    return data.replace(key, b"***") if key and key in data else data


def load_json(body: bytes, offer: Offer) -> Any:
    """The JSON value in `body`, as far as it can be read, without the offer's key; also out of the one event of a stream. Raises
    UpstreamError(PARSING)."""
    body = without_key(body, key_of(offer))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        try:
            (value,) = read_values(_out_of_events(body))
        except ValueError:
            kind = "HTML" if body.lstrip().startswith(b"<") else "something else"
            message = f"the upstream sent {kind} instead of JSON: {beginning(body, offer)}"
            raise UpstreamError(ErrorKind.PARSING, message) from exc
        return value


def _out_of_events(body: bytes) -> bytes:
    """The data of the events in `body` but for the end mark; `body` as it is where it has no events."""
    if body[:MAX_HEAD].lstrip(WHITE).startswith((b"{", b"[", b"<")):
        return body
    parser = SSEParser(max_event_bytes=len(body))
    events = [*parser.feed(body), *parser.flush()]
    return b"\n".join(event.data for event in events if event.data.strip() != b"[DONE]") or body


def load_payload(body: bytes, offer: Offer) -> JSONObject:
    """The JSON object in `body`, taken out of the array that some upstreams wrap around it. Raises
    UpstreamError(PARSING)."""
    payload = load_json(body, offer)
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        raise UpstreamError(ErrorKind.PARSING, "the upstream's answer is not a JSON object")
    return payload
