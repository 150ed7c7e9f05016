"""A provider that an operator adds by `/api/providers`: any server that speaks OpenAI's wire."""

from typing import Any, Final

from django.db import IntegrityError, transaction
from rest_framework import serializers, status
from rest_framework.exceptions import APIException

from apps.core.json_types import JSONObject
from apps.core.odd_names import plain_name
from apps.providers import writing
from apps.providers.api.serializers import ProviderPatch, merged_limits
from apps.providers.models import MAX_MODEL_NAME, Provider, ProviderModel

MAX_NAME: Final = 40


class DuplicateProvider(APIException):
    """409: there is a provider of that name."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "There is a provider of that name."
    default_code = "duplicate"


class NewProvider(ProviderPatch):
    """What PATCH takes, and the name, which is final: clients send it as `name/model`.

    `default_model` becomes the provider's first model; the others come with its list, which the first stored key reads.
    """

    name = serializers.RegexField(writing.NAME, max_length=MAX_NAME, trim_whitespace=False)
    base_url = serializers.CharField(max_length=300)
    display_name = serializers.CharField(required=False, max_length=80, validators=[plain_name])
    default_model = serializers.CharField(
        allow_blank=True, required=False, max_length=MAX_MODEL_NAME, validators=[plain_name]
    )
    requires_key = serializers.BooleanField(required=False)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, context={"provider": Provider(is_custom=True)})

    def validate_name(self, value: str) -> str:
        """Raises ValidationError for one that is a route."""
        if value in writing.RESERVED:
            raise serializers.ValidationError(f"The name {value} is reserved.")
        return value

    def validate_default_model(self, value: str) -> str:
        """Any: the provider has none yet."""
        return value

    def create(self, validated_data: JSONObject) -> Provider:
        """Raises DuplicateProvider."""
        limits = validated_data.pop("limits", {})
        provider = Provider(is_custom=True, **{"display_name": validated_data["name"], **validated_data})
        provider.limits = merged_limits(provider, limits)
        try:
            with transaction.atomic():
                provider.save(force_insert=True)
                if provider.default_model:
                    ProviderModel.objects.create(provider=provider, name=provider.default_model)
        except IntegrityError:  # the constraint decides, so that two at once cannot both win
            raise DuplicateProvider from None
        return provider
