"""Classifying Gemini's refusals: by the reason, quota and status that google.rpc errors carry, by their documented
text only where they carry none."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from apps.core.json_types import JSONArray, JSONObject
from apps.core.state.keys import Metric, Span
from apps.core.state.periods import seconds
from apps.providers.adapters.refusals.answers import upstream_error
from apps.providers.adapters.refusals.classification import is_challenge
from apps.providers.adapters.refusals.details import MAX_TEXT, Details, read_body, read_payload
from apps.providers.adapters.refusals.meanings import (
    AUTH,
    FAILED,
    MODEL_GONE,
    NO_CREDIT,
    NOT_IN_PLAN,
    PER_MINUTE,
    PLAN_TEXTS,
    PROOFS,
    REFUSAL_TEXTS,
    REFUSED,
    TOO_LONG,
    Meaning,
    Table,
    first_match,
)
from apps.providers.adapters.refusals.scopes import names_model
from apps.providers.adapters.refusals.waits import retry_after_s
from apps.providers.adapters.shared.values import as_dict, as_list, as_text
from apps.providers.errors import ErrorKind, Scope, ToldLimit, UpstreamError
from apps.providers.types import Offer

OK, BAD_REQUEST, PAYMENT_REQUIRED, FORBIDDEN, NOT_FOUND, GONE = 200, 400, 402, 403, 404, 410
TOO_MANY, SERVER_ERRORS = 429, 500
# google.rpc codes, which say more than the HTTP status that comes with them. FAILED_PRECONDITION is about where the gateway stands, which
# its text tells, or about billing: the key is good and another provider may well answer. PERMISSION_DENIED says nothing without a
# reason: it may be about one model.
BY_CODE: dict[str, Meaning] = {
    "UNAUTHENTICATED": AUTH,
    "NOT_FOUND": MODEL_GONE,
    **dict.fromkeys(
        ("INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN", "ABORTED", "CANCELLED"), FAILED
    ),
}
BY_STATUS: dict[int, Meaning] = {
    401: AUTH,
    **dict.fromkeys((NOT_FOUND, GONE), MODEL_GONE),
    **dict.fromkeys((408, 499), FAILED),
    PAYMENT_REQUIRED: NO_CREDIT,
}
# Reasons of google.rpc.ErrorInfo that concern the key or its project.
KEY_REASONS = re.compile(r"(?:API_KEY|ACCESS_TOKEN|CONSUMER|SERVICE_DISABLED|USER_PROJECT)[A-Z_]*")
PERIOD = re.compile(r"Per(Second|Minute|Hour|Day|Month)")
METRICS: dict[str, Metric] = {"InputTokens": "input_tokens", "Tokens": "tokens", "Requests": "requests"}
METRIC = re.compile("|".join(METRICS))
QUOTA_VALUE = re.compile(r"[1-9]\d{0,14}", re.ASCII)
MAX_VIOLATIONS = 20
# A quota of zero has no field that says so: protobuf leaves out zeros.
NO_QUOTA = re.compile(r"\blimit: 0(?![.\d])")
# INVALID_ARGUMENT has no finer code, so its documented texts have to tell.
NO_KEY = re.compile(r"unregistered callers", re.IGNORECASE)
TOO_MANY_TOKENS = re.compile(r"token count.{0,80}exceeds", re.IGNORECASE | re.DOTALL)
FIELD = re.compile(r'Unknown name "([^"]{1,80})"')


class _Status(Struct, frozen=True):
    """What a google.rpc.Status says, and the HTTP status that it came with. `common`: what every wire's errors are read for; `offer`: whom
    it refused."""

    status: int
    code: str
    message: str
    details: list[JSONObject]
    common: Details
    offer: Offer

    def items(self, detail: str, field: str) -> JSONArray:
        """`field` of all details of one type, lists joined."""
        values = [entry.get(field) for entry in self.details if as_text(entry.get("@type")).endswith(detail)]
        return [item for value in values for item in (value if isinstance(value, list) else [value])]


def parse_error(status: int, headers: Mapping[str, str], body: bytes, offer: Offer) -> UpstreamError:
    """Classify an answer that is not 2xx. Header names are lower case."""
    try:
        payload = _unwrapped(orjson.loads(body))
    except orjson.JSONDecodeError:
        unread = read_body(body)
        said = _Status(status, "", unread.message, [], unread, offer)
    else:
        said = _read(payload, status, offer)
    return _error(_meaning(said), said, headers)


def frame_error(frame: JSONObject, offer: Offer) -> UpstreamError:
    """The error in a 200 or in one of its frames, which carries its own status. Having been accepted, the request
    is not at fault: another candidate may answer it."""
    status = as_dict(frame.get("error")).get("code")
    status = status if isinstance(status, int) and status >= BAD_REQUEST else OK
    said = _read(frame, status, offer)
    meaning = _meaning(said)
    error = _error(REFUSED if meaning.kind is ErrorKind.CLIENT_ERROR else meaning, said, {})
    error.status = OK
    return error


def _unwrapped(payload: Any) -> JSONObject:
    """The error object, out of the array that the stream endpoint wraps around it."""
    return as_dict(payload[0] if isinstance(payload, list) and payload else payload)


def _read(payload: JSONObject, status: int, offer: Offer) -> _Status:
    error = as_dict(payload.get("error"))
    return _Status(
        status=status,
        code=as_text(error.get("status")),
        message=(as_text(error.get("message")) or as_text(payload.get("error")))[:MAX_TEXT],
        details=[as_dict(detail) for detail in as_list(error.get("details"))],
        common=read_payload(payload),
        offer=offer,
    )


def _error(meaning: Meaning, said: _Status, headers: Mapping[str, str]) -> UpstreamError:
    """The delay is short even for a spent day: then the day's end counts."""
    wait = None if meaning.window in ("day", "month") else retry_after_s(headers, said.common)
    details = replace(said.common, message=said.message, code=said.code, param=_param(said))
    error = upstream_error(meaning, details, said.offer, said.status, wait)
    error.told = _told(said) if meaning.kind is ErrorKind.RATE_LIMITED else ()
    return error


def _meaning(said: _Status) -> Meaning:
    if said.status == TOO_MANY or said.code == "RESOURCE_EXHAUSTED":
        return _exhausted(said)
    reasons = said.items("ErrorInfo", "reason")
    if any(KEY_REASONS.fullmatch(as_text(reason)) for reason in reasons):
        return AUTH
    if said.status >= SERVER_ERRORS:
        return FAILED
    if TOO_MANY_TOKENS.search(said.message):
        return TOO_LONG
    default = FAILED if said.status == OK else REFUSED
    return (
        _proven(said) or BY_STATUS.get(said.status) or BY_CODE.get(said.code) or _forbidden(said) or default
    )


def _proven(said: _Status) -> Meaning | None:
    """What the documented texts prove; a web page, which was not Gemini's own, proves nothing but that somebody stands before it."""
    if said.common.is_page:
        return REFUSED if is_challenge(said.common) else None
    if said.status == FORBIDDEN and NO_KEY.search(said.message):
        return AUTH
    return first_match(PROOFS.get(said.status, ()), said.message) or first_match(_missing(said), said.message)


def _missing(said: _Status) -> Table:
    """What the texts of a NOT_FOUND say: it is documented for models, and comes for whatever else a request names."""
    is_missing = said.status in (NOT_FOUND, GONE) or said.code == "NOT_FOUND"
    return REFUSAL_TEXTS[NOT_FOUND] if is_missing else ()


def _forbidden(said: _Status) -> Meaning | None:
    """A 403 without a reason is about one model, or about nobody knows what."""
    if said.status != FORBIDDEN or said.common.is_page:
        return None
    about_model = MODEL_GONE if names_model(said.common, said.offer) else None
    return first_match(PLAN_TEXTS, said.message) or about_model


def _exhausted(said: _Status) -> Meaning:
    """Which quota is spent: the longest of those named, a minute's where none is. A model without any free quota is
    not a quota that comes back."""
    violations = _violations(said)
    values = [str(violation.get("quotaValue", "")) for violation in violations]
    if "0" in values or NO_QUOTA.search(said.message):
        return NOT_IN_PLAN
    quotas = [as_text(violation.get("quotaId")) for violation in violations]
    meanings = [found for quota in quotas if (found := _quota(quota)) is not None]
    return max(meanings, key=_length, default=PER_MINUTE)


def _quota(quota_id: str) -> Meaning | None:
    """The meaning of an id such as GenerateRequestsPerDayPerProjectPerModel-FreeTier."""
    period = PERIOD.search(quota_id)
    if period is None:
        return None
    scope: Scope = "model" if "PerModel" in quota_id else "account"
    return Meaning(ErrorKind.RATE_LIMITED, period[1].lower(), scope)


def _violations(said: _Status) -> list[JSONObject]:
    return [as_dict(item) for item in said.items("QuotaFailure", "violations")[:MAX_VIOLATIONS]]


def _told(said: _Status) -> tuple[ToldLimit, ...]:
    """What the project's quotas are, which no page and no header says (2026-11): `quotaValue` of those that are spent."""
    found = []
    for violation in _violations(said):
        quota_id, value = as_text(violation.get("quotaId")), str(violation.get("quotaValue", ""))
        meaning, metric = _quota(quota_id), METRIC.search(quota_id)
        if meaning is not None and meaning.window and metric is not None and QUOTA_VALUE.fullmatch(value):
            span = Span(METRICS[metric[0]], meaning.window)
            found.append(ToldLimit(span, int(value), meaning.scope or "account"))
    return tuple(found)


def _length(meaning: Meaning) -> int:
    return seconds(meaning.window) if meaning.window else 0


def _param(said: _Status) -> str | None:
    """The field that is complained about, in Gemini's words."""
    fields = [as_text(as_dict(item).get("field")) for item in said.items("BadRequest", "fieldViolations")]
    unknown = FIELD.search(said.message)
    return next((field for field in fields if field), unknown[1] if unknown else None)
