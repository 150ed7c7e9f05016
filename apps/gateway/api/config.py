"""`/api/config`: the settings that an operator changes while the gateway runs."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import StrictSerializer
from apps.core.permissions import rights
from apps.gateway.config import COLUMNS
from apps.gateway.models import AppConfig


class ConfigSerializer(StrictSerializer, serializers.ModelSerializer[AppConfig]):
    """Every column; what may stand in one, the model says."""

    class Meta:
        model = AppConfig
        fields = list(COLUMNS)

    def update(self, instance: AppConfig, validated_data: dict[str, Any]) -> AppConfig:
        """Only what was sent is checked and written. Raises ValidationError."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        try:
            instance.full_clean(exclude=set(COLUMNS) - set(validated_data))
        except DjangoValidationError as error:
            raise ValidationError(error.message_dict) from None
        if validated_data:
            instance.save(update_fields=list(validated_data))
        return instance


class Configuration(APIView):
    """GET; PATCH changes what was sent, in every process within a second."""

    permission_classes = [rights("gateway.appconfig")]

    def get(self, request: Request) -> Response:
        return Response(ConfigSerializer(AppConfig.objects.first() or AppConfig()).data)

    @transaction.atomic
    def patch(self, request: Request) -> Response:
        AppConfig.objects.get_or_create(pk=1)
        row = AppConfig.objects.select_for_update().get(pk=1)
        form = ConfigSerializer(row, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        form.save()
        return Response(form.data)
