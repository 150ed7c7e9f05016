"""Who calls `/v1`: the client key of the request's head, and its limits. Before the body is read."""

import asyncio

from apps.clients import limits
from apps.clients.keys import InvalidKeyError, Principal, verify
from apps.clients.limits import Allowance, OverLimitError
from apps.core import clock
from apps.gateway import runtime
from apps.gateway.attempts.allowance import too_many
from apps.gateway.attempts.turned_away import Asked, note
from apps.gateway.edge.http import LeanRequest
from apps.gateway.wire import surfaces
from apps.gateway.wire.errors import unauthorized

MESSAGES = {
    "missing": "No client key. Send `Authorization: Bearer fai_…`, or `x-api-key: fai_…`.",
    "expired": "This client key has expired.",
    "replaced": "This client key was replaced by a new one.",
    "revoked": "This client key was revoked.",
    "disabled": "This client key is disabled.",
}
WRONG = "The client key is not valid."
TWO = "Two different client keys in one request. Send one: in `Authorization`, in `x-api-key`, or in `x-goog-api-key`."
QUERY = "key"
"""The parameter that may hold a key, where one may stand in the URL."""


async def authenticate(request: LeanRequest, endpoint: str = "") -> tuple[Principal, Allowance]:
    """The key's principal and what is left of its limits. Raises ApiError 401, or 429 with Retry-After. `endpoint`: what the ledger files
    the request under, if it counts it."""
    principal = identify(request)
    now = clock.now()
    try:
        return principal, await limits.reserve(runtime.current().store, principal, now)
    except OverLimitError as error:
        refusal = too_many(error)
        if endpoint:
            started = asyncio.get_running_loop().time()
            note(Asked(ids=request.ids, principal=principal, endpoint=endpoint, started=started), refusal)
        raise refusal from None


def identify(request: LeanRequest) -> Principal:
    """The key's principal, whose limits are not touched. Raises ApiError(401)."""
    try:
        principal = verify(_given(request), clock.now())
    except InvalidKeyError as error:
        raise unauthorized(MESSAGES.get(error.reason, WRONG)) from None
    request.user_id = principal.user_id
    return principal


def has_key(request: LeanRequest) -> bool:
    """Whether the request's head has a key, right or wrong."""
    return not {"HTTP_AUTHORIZATION", *surfaces.KEY_HEADERS}.isdisjoint(request.META) or bool(
        _in_query(request)
    )


def _given(request: LeanRequest) -> str:
    """The key, wherever it stands, "" for none. Raises ApiError(401) for two that differ."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    keys = {
        bearer,
        _in_query(request),
        *(request.META.get(name, "").strip() for name in surfaces.KEY_HEADERS),
    } - {""}
    if len(keys) > 1:
        raise unauthorized(TWO)
    return keys.pop() if keys else ""


def _in_query(request: LeanRequest) -> str:
    if not surfaces.takes_key_in_query(request.path_info):
        return ""
    return str(request.GET.get(QUERY, "")).strip()
