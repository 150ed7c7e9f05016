"""Answers that were kept: /v1/responses/{response_id}, its items, and what can be done with it. For the client key that it was given to.

Each counts as a request of the key: a few bytes of a request may have megabytes read.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import orjson
from django.http import HttpResponseBase
from django.urls import path, register_converter
from django.urls.converters import StringConverter

from apps.clients.limits import Allowance
from apps.core.aside import aside
from apps.core.json_types import JSONObject
from apps.gateway import runtime
from apps.gateway.attempts.allowance import rate_headers
from apps.gateway.edge.answers import LeanResponse
from apps.gateway.edge.authentication import authenticate
from apps.gateway.edge.http import LeanRequest
from apps.gateway.edge.methods import only
from apps.gateway.endpoints.responses.memory import Memory
from apps.gateway.endpoints.responses.wire.request import SEALED
from apps.gateway.wire.errors import ApiError, bad_request

USUAL, MOST = 20, 100
ORDERS: Final = ("asc", "desc")


class ResponseIdConverter(StringConverter):
    """An answer's id: any word but those of other routes, served or not."""

    regex = r"(?!(?:input_tokens|compact)(?:/|$))[^/]+"


register_converter(ResponseIdConverter, "response")


@only("GET", "DELETE")
async def response(request: LeanRequest, response_id: str) -> HttpResponseBase:
    """GET and DELETE /v1/responses/{response_id}."""
    memory, allowance = await _memory(request)
    if request.method == "DELETE":
        if not await memory.drop(response_id):
            raise _not_found(response_id)
        told = {"id": response_id, "object": "response", "deleted": True}
        return LeanResponse(orjson.dumps(told), rate_headers(allowance))
    if request.GET.get("stream") == "true":
        raise bad_request("`stream`: an answer is streamed once, when it is made.", param="stream")
    await memory.look_up(response_id)
    shows_sealed = SEALED in request.GET.getlist("include") + request.GET.getlist("include[]")
    read = partial(_response, memory, response_id, shows_sealed=shows_sealed)
    return LeanResponse(await _read(request, memory, read), rate_headers(allowance))


@only("POST")
async def cancel(request: LeanRequest, response_id: str) -> HttpResponseBase:
    """POST /v1/responses/{response_id}/cancel."""
    memory, _ = await _memory(request)
    await memory.look_up(response_id)
    if not memory.holds(response_id):
        raise _not_found(response_id)
    raise bad_request("Only answers that are made in the background can be cancelled.")


@only("GET")
async def input_items(request: LeanRequest, response_id: str) -> HttpResponseBase:
    """GET /v1/responses/{response_id}/input_items: pages of the items that it was asked with, the last first."""
    memory, allowance = await _memory(request)
    page_of = _page(request)
    await memory.look_up(response_id)
    read = partial(_items, memory, response_id, page_of)
    return LeanResponse(await _read(request, memory, read), rate_headers(allowance))


async def _read(request: LeanRequest, memory: Memory, read: Callable[[], JSONObject]) -> bytes:
    """What was read of an answer, rendered; beside the loop where the answer is large."""
    return await aside(request.user_id, lambda: orjson.dumps(read()), memory.reach)


def _response(memory: Memory, response_id: str, *, shows_sealed: bool) -> JSONObject:
    found = memory.response(response_id)
    if found is None:
        raise _not_found(response_id)
    if shows_sealed:
        return found
    return found | {"output": [_unsealed(item) for item in found["output"]]}


def _items(memory: Memory, response_id: str, page_of: tuple[int, str, str]) -> JSONObject:
    limit, order, after = page_of
    found = memory.asked(response_id)
    if found is None:
        raise _not_found(response_id)
    listed = [_named(item, response_id, at) for at, item in enumerate(found)]
    if order == "desc":
        listed.reverse()
    if after:
        places = [at for at, item in enumerate(listed) if item["id"] == after]
        if not places:
            raise bad_request(f"`after`: there is no item `{after[:100]}` in it.", param="after")
        listed = listed[places[0] + 1 :]
    page = [_unsealed(item) for item in listed[:limit]]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": "", "last_id": ""}
    return {"object": "list", "data": page, **ends, "has_more": len(listed) > limit}


async def _memory(request: LeanRequest) -> tuple[Memory, Allowance]:
    """Raises ApiError(401, 429)."""
    principal, allowance = await authenticate(request)
    return Memory(runtime.current().kept_answers, principal.client_id), allowance


def _page(request: LeanRequest) -> tuple[int, str, str]:
    """Limit, order, and behind which item. Raises ApiError(400)."""
    limit, order = request.GET.get("limit", str(USUAL)), request.GET.get("order", "desc")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= MOST):  # noqa: PLR2004
        raise bad_request(f"`limit`: must be a whole number from 1 to {MOST}.", param="limit")
    if order not in ORDERS:
        raise bad_request(f"`order`: must be one of {', '.join(ORDERS)}.", param="order")
    return int(limit), order, request.GET.get("after", "")


def _named(item: JSONObject, response_id: str, at: int) -> JSONObject:
    """With a type, and an id by which a page begins behind it."""
    own = item.get("id")
    name = own if isinstance(own, str) and own else f"item_{response_id.partition('_')[2]}_{at}"
    return {"type": "message", **item, "id": name}


def _unsealed(item: JSONObject) -> JSONObject:
    """Sealed thoughts are for who asks for them."""
    return item | {"encrypted_content": None} if "encrypted_content" in item else item


def _not_found(response_id: str) -> ApiError:
    return ApiError(
        404,
        f"Response with id '{response_id[:100]}' not found. Answers are kept for an hour, for the key that they were given to, while there "
        "is room.",
        param="response_id",
    )


urlpatterns = [
    path("responses/<response:response_id>", response, name="response"),
    path("responses/<response:response_id>/cancel", cancel, name="cancel_response"),
    path("responses/<response:response_id>/input_items", input_items, name="response_input_items"),
]
