"""From an upstream's answer to the error that it is: whole refusals, and errors inside of a 200. What is said here holds for every wire
that has no words of its own; each of the others classifies by itself and ends in `upstream_error`."""

from collections.abc import Mapping

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.providers.adapters.shared.values import as_dict
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer

from .classification import OK, TIMEOUT, classify
from .details import MAX_TEXT, Details, read_body, read_payload
from .meanings import REFUSED, Meaning
from .numbers import metric_of, told_limits
from .scopes import whose
from .waits import retry_after_s, spent_windows

GATEWAY_TIMEOUT = 504


def parse_error(status: int, headers: Mapping[str, str], body: bytes, offer: Offer) -> UpstreamError:
    """Classify an answer that is not 2xx. Header names are lower case."""
    details = read_body(body)
    hints = (headers.get("x-ratelimit-type", ""), headers.get("x-error-message", ""), *spent_windows(headers))
    meaning = classify(status, details, offer, " ".join(hints)[:MAX_TEXT])
    return upstream_error(meaning, details, offer, status, retry_after_s(headers, details))


def wrapped_error(payload: JSONObject, offer: Offer) -> UpstreamError | None:
    """The error that a 200 or one of its frames carries, None where it carries none."""
    if payload.get("error") or (payload.get("errors") and payload.get("success") is False):
        return frame_error(payload, offer)
    if payload.get("object") == "error" or _is_flat_error(payload):
        return frame_error(payload, offer)
    if reason := as_dict(payload.get(offer.preset.annex)).get("error"):
        return frame_error({"error": reason}, offer)
    return None


def frame_error(payload: JSONObject, offer: Offer) -> UpstreamError:
    """The error in `payload`, which came with status 200: the upstream's failure, unless it says by a code, a status or what its sentence
    proves that it is another kind. Having been accepted, the request is not at fault: another candidate may
    answer it."""
    details = read_payload(payload)
    meaning = classify(details.status or OK, details, offer)
    if meaning.kind is ErrorKind.CLIENT_ERROR:
        meaning = REFUSED
    return upstream_error(meaning, details, offer, OK, retry_after_s({}, details))


def upstream_error(
    meaning: Meaning, details: Details, offer: Offer, status: int, retry_after: float | None
) -> UpstreamError:
    """THE error of an upstream's answer: it says `meaning`; `retry_after` in seconds. Its message is without the offer's key."""
    message = scrub(details.message, offer.api_key) or f"the upstream answered with status {status}"
    scope = meaning.scope or whose(meaning.window, details, offer)
    is_limit = meaning.kind is ErrorKind.RATE_LIMITED and meaning.window is not None
    return UpstreamError(
        meaning.kind,
        message,
        status=status,
        retry_after_s=retry_after,
        window=meaning.window,
        scope=scope,
        timed_out=status in (TIMEOUT, GATEWAY_TIMEOUT),
        param=details.param,
        code=details.code or None,
        told=told_limits(details.message, offer) if is_limit else (),
        metric=metric_of(details.message, meaning.window) if is_limit else None,
    )


def _is_flat_error(payload: JSONObject) -> bool:
    """Whether an error's text lies where an answer has its choices, as Cerebras and NVIDIA put it."""
    return "choices" not in payload and bool(read_payload(payload).message)
