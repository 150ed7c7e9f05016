"""Strategies on the wire of `/api/strategies`."""

from typing import Final

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException

from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject, JSONValue
from apps.strategies.checking import check_definition
from apps.strategies.definition import MAX_CLAUSES, MAX_WEIGHT, DefinitionError
from apps.strategies.expression.lexer import MAX_SOURCE_LENGTH
from apps.strategies.models import Strategy
from apps.strategies.naming import is_builtin_name, name_problem

MAX_NAME: Final = 60


EXPRESSION: Final[JSONObject] = {"type": "string", "maxLength": MAX_SOURCE_LENGTH}


def _object(**properties: JSONObject) -> JSONObject:
    """A JSON Schema: these members, and no other."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _clauses(**members: JSONObject) -> JSONObject:
    return {
        "type": "array",
        "maxItems": MAX_CLAUSES,
        "items": {**_object(**members), "required": list(members)},
    }


class DuplicateName(APIException):
    """409: there is a strategy of that name."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "There is a strategy of that name."
    default_code = "duplicate"


class NotForThisStrategy(APIException):
    """400: built-in and custom strategies differ in what may be done to them."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"


class DefinitionRefused(APIException):
    """422 `{"detail": {"clause", "position", "message", "allowed"}}`."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY

    def __init__(self, error: DefinitionError) -> None:
        super().__init__()
        # DRF would turn every value into a string; a mapping is answered as it is.
        self.detail = {"detail": error.as_detail()}


@extend_schema_field(
    _object(
        require=_clauses(when=EXPRESSION),
        prefer=_clauses(
            when=EXPRESSION, weight={"type": "number", "minimum": -MAX_WEIGHT, "maximum": MAX_WEIGHT}
        ),
    )
)
class DefinitionField(serializers.JSONField):
    """A definition that compiles and that some provider can meet."""

    def to_internal_value(self, data: JSONValue) -> JSONObject:
        """As it was given. Raises DefinitionRefused."""
        try:
            return check_definition(data).definition.raw
        except DefinitionError as error:
            raise DefinitionRefused(error) from error


class StrategySerializer(StrictSerializer, serializers.ModelSerializer[Strategy]):
    """A strategy as it is read, and what of it may be changed."""

    definition = DefinitionField(required=False)

    class Meta:
        model = Strategy
        fields = ["name", "description", "is_builtin", "definition"]
        read_only_fields = ["name", "is_builtin"]

    def update(self, instance: Strategy, validated_data: JSONObject) -> Strategy:
        """Only what was sent is written."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data, "updated_at"])
        return instance


class NewStrategySerializer(StrategySerializer):
    """What it takes to make one. The name is final: clients send it as `freeai-<name>`."""

    name = serializers.SlugField(max_length=MAX_NAME)
    definition = DefinitionField()

    class Meta(StrategySerializer.Meta):
        read_only_fields = ["is_builtin"]

    def validate_name(self, value: str) -> str:
        """Raises ValidationError, DuplicateName."""
        if is_builtin_name(value):
            raise DuplicateName
        if problem := name_problem(value):
            raise serializers.ValidationError(problem)
        return value

    def create(self, validated_data: JSONObject) -> Strategy:
        """Raises IntegrityError when the name is taken."""
        with transaction.atomic():
            return Strategy.objects.create(**validated_data)
