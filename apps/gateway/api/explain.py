"""`/api/explain` and `/api/strategies/preview`: what would happen to a request of the current user. Nothing is sent or saved."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.clients.keys import Principal, unrestricted
from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.core.permissions import IsAdmin
from apps.core.state.choice import scratch_store
from apps.core.state.contract import StateStore
from apps.gateway import runtime
from apps.gateway.endpoints.chat import explain
from apps.gateway.wire.errors import ApiError
from apps.strategies.api.serializers import DefinitionField
from apps.strategies.definition import parse_definition

SAMPLE: Final[JSONObject] = {"messages": [{"role": "user", "content": "Hello"}]}


class Explain(APIView):
    """POST a /v1 chat request body: the whole decision."""

    permission_classes = [IsAdmin]

    def post(self, request: Request) -> Response:
        body = json.dumps(request.data).encode()
        with _v1_errors():
            decision = async_to_sync(explain.explain_body)(_store(), _principal(request), body)
        return Response(decision.as_json())


class PreviewForm(StrictSerializer):
    """`request` is a /v1 chat request body; without it, a greeting."""

    definition = DefinitionField()
    request = serializers.DictField(default=SAMPLE)


class Preview(APIView):
    """POST a definition and perhaps a sample request: the decision if that were the strategy."""

    permission_classes = [IsAdmin]

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
    """The running gateway's. A process that serves only `/api` knows no counters."""
    return runtime.current().store if runtime.is_running() else scratch_store()


def _principal(request: Request) -> Principal:
    """The permission has refused anonymous users."""
    return unrestricted(cast(User, request.user))
