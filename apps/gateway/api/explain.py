"""`/api/explain` and `/api/strategies/preview`: what would happen to a request of the current user. Nothing is sent or saved."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.clients import as_key
from apps.clients.keys import Principal, unrestricted
from apps.core import snapshot
from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.core.permissions import rights
from apps.core.state.choice import scratch_store
from apps.core.state.contract import StateStore
from apps.gateway import runtime
from apps.gateway.endpoints.chat import explain
from apps.gateway.wire.errors import ApiError
from apps.strategies.api.serializers import DefinitionField
from apps.strategies.definition import parse_definition

KEY_HASH: Final = "key_hash"
NO_HASH: Final = "Must be the 64 hexadecimal digits of a client key's hash."
SAMPLE: Final[JSONObject] = {"messages": [{"role": "user", "content": "Hello"}]}


class Explain(APIView):
    """POST a /v1 chat request body: the whole decision, for the current user or, with `?key_hash=`, for a client key."""

    permission_classes = [rights("strategies.strategy", post="view")]

    def post(self, request: Request) -> Response:
        body = json.dumps(request.data).encode()
        principal = _of_key(request) or _principal(request)
        with _v1_errors():
            decision = async_to_sync(explain.explain_body)(_store(), principal, body)
        return Response(decision.as_json())


@extend_schema_field({"$ref": "#/components/schemas/ChatBody"})
class ChatRequestField(serializers.DictField):
    """A /v1 chat request body, looked at as /v1 does."""


class PreviewForm(StrictSerializer):
    """`request`: a greeting unless it is given."""

    definition = DefinitionField()
    request = ChatRequestField(default=SAMPLE)


class Preview(APIView):
    """POST a definition and perhaps a sample request: the decision if that were the strategy."""

    permission_classes = [rights("strategies.strategy", post="view")]

    def post(self, request: Request) -> Response:
        form = PreviewForm(data=request.data)
        form.is_valid(raise_exception=True)
        definition = parse_definition(form.validated_data["definition"])
        body = json.dumps(form.validated_data["request"]).encode()
        with _v1_errors("request."):
            decision = async_to_sync(explain.preview)(_store(), _principal(request), definition, body)
        return Response(decision.as_json())


class Refused(APIException):
    """What /v1 would refuse, with its status, in the shape of `/api`. `prefix` leads to the body within the request."""

    def __init__(self, error: ApiError, prefix: str) -> None:
        super().__init__()
        self.status_code = error.status
        message: Any = {prefix + error.param: [error.message]} if error.param else error.message
        self.detail = {"detail": message}


@contextmanager
def _v1_errors(prefix: str = "") -> Iterator[None]:
    """Raises Refused."""
    try:
        yield
    except ApiError as error:
        raise Refused(error, prefix) from None


def _store() -> StateStore:
    """The running gateway's. A process that serves only `/api` knows no counters, and reads anew what is slow to change. Raises
    DatabaseError."""
    if runtime.is_running():
        return runtime.current().store
    snapshot.load_all()
    return scratch_store()


def _of_key(request: Request) -> Principal | None:
    """Whom `?key_hash=` names; None without. Raises ValidationError, NotFound."""
    key_hash = request.query_params.get(KEY_HASH)
    if key_hash is None:
        return None
    if not as_key.HASH.fullmatch(key_hash):
        raise ValidationError({KEY_HASH: [NO_HASH]})
    key = as_key.seen_by(cast(User, request.user), key_hash)
    if key is None:
        raise NotFound("There is no such client key.")
    try:
        return as_key.principal_of(key)
    except as_key.ClosedKeyError as error:
        raise ValidationError({KEY_HASH: [str(error)]}) from None


def _principal(request: Request) -> Principal:
    """The permission has refused anonymous users."""
    return unrestricted(cast(User, request.user))
