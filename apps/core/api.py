"""What `/api` shares: nothing sent is dropped or converted in silence, totals travel in a header."""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import structlog
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ParseError, ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback
from rest_framework.views import exception_handler as default_exception_handler

from apps.core.json_types import JSONArray, JSONObject, JSONValue
from apps.core.refused_by_django import DATABASE_AWAY, reason_of

log = structlog.get_logger("freeai.api")

M = TypeVar("M", bound=Model)
T = TypeVar("T")

MAX_OFFSET = 2**31 - 1
MAX_SHOWN = 200
"""Characters of a path, and names that are listed, in an error."""
MISSING: Final = re.compile(r"No (\w+) matches the given query\.")
"""How Django says that there is no row of a model."""
WORD_ENDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
NOT_SHOWN: Final = object()

# DRF converts "60" to 60, 5 to "5", "yes" to True and an object to the list of its keys. JSON has types: a wrong
# one is an error of the caller.
JSON_TYPES: tuple[tuple[type, tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "a whole number"),
    (serializers.FloatField, (int, float), "a number"),
    (serializers.CharField, (str,), "a string"),
    (serializers.ManyRelatedField, (list,), "a list"),
)


class StrictSerializer(serializers.Serializer[Any]):
    """Mixin, first among the bases: unknown and read-only fields and wrong JSON types are errors by name.

    What GET shows and nobody may set can be sent back as it is. That is the representation of the `instance`, or what `shown` in the
    context makes. `moving` in the context: members, at any depth, that change by themselves; what they were is no matter.
    """

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's. Raises ValidationError."""
        if isinstance(data, Mapping):
            shown = self._shown() if any(self._is_fixed(name) for name in data) else {}
            objections = {name: self._objection(name, value, shown) for name, value in data.items()}
            if errors := {_printable(name): [error] for name, error in objections.items() if error}:
                raise ValidationError(errors)
        return super().to_internal_value(data)

    def _is_fixed(self, name: str) -> bool:
        field = self.fields.get(name)
        return field is None or field.read_only

    def _shown(self) -> JSONObject:
        """What GET answers."""
        show: Callable[[], JSONObject] | None = self.context.get("shown")
        if show is None:
            return as_answered(self.to_representation(self.instance)) if self.instance is not None else {}
        return as_answered(show())

    def _objection(self, name: str, value: JSONValue, shown: JSONObject) -> str | None:
        if not self._is_fixed(name):
            return _type_error(self.fields[name], value)
        if name not in shown and name not in self.fields:
            return "Unknown field."
        moving: Collection[str] = self.context.get("moving", ())
        same = name in moving or is_same(_still(shown.get(name, NOT_SHOWN), moving), _still(value, moving))
        return None if same else "This field cannot be set."


class TotalCountPagination(LimitOffsetPagination):
    """`?limit=&offset=` of a plain JSON array, the total in `X-Total-Count`, and no other parameter: a filter that nothing reads would
    answer with what it was to leave out. `beside`: what the view itself reads. Raises ValidationError."""

    default_limit = 1000
    max_limit = 1000
    beside: frozenset[str] = frozenset()

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """The rows of the page. Raises ValidationError."""
        known = {self.limit_query_param, self.offset_query_param, *self.beside}
        sent = request.query_params
        errors = {name: ["Unknown parameter."] for name in sent if name not in known} | {
            name: ["Must be there once."] for name in sent if name in known and len(sent.getlist(name)) > 1
        }
        if errors:
            raise ValidationError({_printable(name[:MAX_SHOWN]): error for name, error in errors.items()})
        return super().paginate_queryset(queryset, request, view)

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


def paged(
    rows: "QuerySet[M] | Sequence[T]", request: Request, render: "Callable[[Any], JSONObject]"
) -> Response:
    """The page of `rows` that the request asks for, each rendered. Raises ValidationError."""
    pages = TotalCountPagination()
    page: list[Any] = pages.paginate_queryset(rows, request) or []
    return pages.get_paginated_response([render(row) for row in page])


def exception_handler(error: Exception, context: dict[str, object]) -> Response | None:
    """DRF's handler, with the errors of the fields under `detail` like every other error of `/api`; 503 while the database is away.
    What there is no row of is named as people call it."""
    if isinstance(error, OperationalError | InterfaceError):
        log.error("api.database_away", error=type(error).__name__)
        set_rollback()
        return Response({"detail": DATABASE_AWAY}, status=503)
    if isinstance(error, SuspiciousOperation):  # Django's own bounds, of fields in a query for one
        error = ParseError(reason_of(error))
    if isinstance(error, Http404) and (missing := MISSING.fullmatch(str(error))):
        error = NotFound(f"There is no such {WORD_ENDS.sub(' ', missing[1]).lower()}.")
    response = default_exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {"detail": _answerable(response.data)}
    return response


def _answerable(errors: Any) -> Any:
    """The errors as text that can be answered, whatever of the request they repeat: half of a character cannot."""
    if isinstance(errors, Mapping):
        return {_printable(str(name)): _answerable(inner) for name, inner in errors.items()}
    return [_answerable(each) for each in errors] if isinstance(errors, list) else _printable(str(errors))


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
    schema: Any = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises NotFound."""
        raise NotFound(f"Unknown path: {request.path[:MAX_SHOWN]}.")


def query_flag(request: Request, name: str) -> bool:
    """`?name=true` or `?name=false`, absent meaning false. Raises ValidationError for anything else."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise ValidationError({name: ["Must be true or false."]})
    return value == "true"


def as_answered(row: JSONObject) -> JSONObject:
    """The row as a client reads it, times as text."""
    body: JSONObject = json.loads(JSONRenderer().render(row))
    return body


def is_same(shown: object, sent: JSONValue) -> bool:
    """Whether both are the same JSON: 1 is 1.0, but never true."""
    if isinstance(shown, bool) or isinstance(sent, bool):
        return shown is sent
    if isinstance(shown, dict) and isinstance(sent, dict):
        return shown.keys() == sent.keys() and all(is_same(shown[name], sent[name]) for name in sent)
    if isinstance(shown, list) and isinstance(sent, list):
        return len(shown) == len(sent) and all(map(is_same, shown, sent))
    return shown == sent


def _still(value: Any, moving: Collection[str]) -> Any:
    """`value` without the members that move by themselves."""
    if isinstance(value, dict):
        return {name: _still(inner, moving) for name, inner in value.items() if name not in moving}
    return [_still(inner, moving) for inner in value] if isinstance(value, list) else value


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
