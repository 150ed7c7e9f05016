"""What `/api` shares: nothing sent is dropped or converted in silence, totals travel in a header."""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback
from rest_framework.views import exception_handler as default_exception_handler

from apps.core.json_types import JSONArray, JSONObject, JSONValue

log = structlog.get_logger("freeai.api")

M = TypeVar("M", bound=Model)

MAX_OFFSET = 2**31 - 1
MAX_SHOWN = 200
"""Characters of a path, and names that are listed, in an error."""
DATABASE_AWAY = "The database is out of reach. Try again later."

# DRF converts "60" to 60, 5 to "5" and "yes" to True. JSON has types: a wrong one is an error of the caller.
JSON_TYPES: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "a whole number"),
    (serializers.FloatField, (int, float), "a number"),
    (serializers.CharField, (str,), "a string"),
)


class StrictSerializer(serializers.Serializer[Any]):
    """Mixin, first among the bases: unknown and read-only fields and wrong JSON types are errors by name."""

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's. Raises ValidationError."""
        if isinstance(data, Mapping):
            objections = {name: self._objection(name, value) for name, value in data.items()}
            if errors := {_printable(name): [error] for name, error in objections.items() if error}:
                raise ValidationError(errors)
        return super().to_internal_value(data)

    def _objection(self, name: str, value: JSONValue) -> str | None:
        field = self.fields.get(name)
        if field is None:
            return "Unknown field."
        if field.read_only:
            return "This field cannot be set."
        return _type_error(field, value)


class TotalCountPagination(LimitOffsetPagination):
    """`?limit=&offset=` of a plain JSON array, the total in `X-Total-Count`. Raises ValidationError."""

    default_limit = 1000
    max_limit = 1000

    def get_limit(self, request: Request) -> int:
        """Rows in this answer: 1 to `max_limit`."""
        return _whole_number(request, "limit", self.default_limit, range(1, self.max_limit + 1))

    def get_offset(self, request: Request) -> int:
        """Rows left out before it."""
        return _whole_number(request, "offset", 0, range(MAX_OFFSET + 1))

    def get_paginated_response(self, data: JSONArray) -> Response:
        """The array and nothing around it."""
        return Response(data, headers={"X-Total-Count": str(self.count)})

    def get_paginated_response_schema(self, schema: JSONObject) -> JSONObject:
        """The array's own schema, for OpenAPI."""
        return schema


def exception_handler(error: Exception, context: dict[str, object]) -> Response | None:
    """DRF's handler, with the errors of the fields under `detail` like every other error of `/api`; 503 while the database is away."""
    if isinstance(error, OperationalError | InterfaceError):
        log.error("api.database_away", error=type(error).__name__)
        set_rollback()
        return Response({"detail": DATABASE_AWAY}, status=503)
    response = default_exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {"detail": response.data}
    return response


def get_named(rows: QuerySet[M], name: str, kind: str) -> M:
    """The row of that name. Raises NotFound with the names that there are: a misspelt one is the usual reason."""
    row = rows.filter(name=name).first()
    if row is not None:
        return row
    known = list(rows.order_by("name").values_list("name", flat=True)[:MAX_SHOWN])
    meant = "".join(f" Did you mean `{close}`?" for close in get_close_matches(name, known, n=1))
    raise NotFound(f"Unknown {kind} `{name}`.{meant} Known: {', '.join(known) or 'none'}.")


class UnknownPath(APIView):
    """What no route of `/api` knows: an error in the shape of all others, whatever the method and whoever asks."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises NotFound."""
        raise NotFound(f"Unknown path: {request.path[:MAX_SHOWN]}.")


def query_flag(request: Request, name: str) -> bool:
    """`?name=true` or `?name=false`, absent meaning false. Raises ValidationError for anything else."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise ValidationError({name: ["Must be true or false."]})
    return value == "true"


def _type_error(field: object, value: JSONValue) -> str | None:
    if value is None:  # null is allowed or not by the field itself
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next((error for item in value if (error := _type_error(field.child, item))), None)
    for kind, types, words in JSON_TYPES:
        if isinstance(field, kind):
            fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
            return None if fits and not _is_infinite(value) else f"Must be {words}."
    return None


def _printable(name: str) -> str:
    """Any JSON key as text that can be answered: a lone surrogate cannot."""
    return name.encode("utf-8", "backslashreplace").decode()


def _is_infinite(value: JSONValue) -> bool:
    """`1e999` is valid JSON and becomes infinity."""
    return isinstance(value, float) and not math.isfinite(value)


def _whole_number(request: Request, name: str, default: int, allowed: range) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(allowed[-1]))
    if not digits or int(text) not in allowed:
        raise ValidationError({name: [f"Must be a whole number from {allowed[0]} to {allowed[-1]}."]})
    return int(text)
