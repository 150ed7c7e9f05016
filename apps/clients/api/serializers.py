"""Client keys on the wire of `/api/clients`."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from apps.clients.models import MAX_ALLOWED, MAX_ALLOWED_NAME, MAX_RPM, ClientKey
from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject


def _names() -> serializers.ListField:
    name = serializers.CharField(max_length=MAX_ALLOWED_NAME)
    return serializers.ListField(child=name, max_length=MAX_ALLOWED, required=False)


class ClientKeySerializer(StrictSerializer, serializers.ModelSerializer[ClientKey]):
    """A key as its owner sees and edits it: never the key itself. Empty `allowed_*` lists allow all."""

    rpm_limit = serializers.IntegerField(min_value=0, max_value=MAX_RPM, required=False)
    allowed_models = _names()
    allowed_strategies = _names()

    class Meta:
        model = ClientKey
        fields = [
            "name",
            "key_hash",
            "key_preview",
            "rpm_limit",
            "enabled",
            "expires_at",
            "allowed_models",
            "allowed_strategies",
            "last_used_at",
            "created_at",
        ]

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """A time to come, or null for never."""
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("Must be in the future.")
        return value

    def update(self, instance: ClientKey, validated_data: JSONObject) -> ClientKey:
        """Only what was sent is written: a revocation at the same moment stays."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        with transaction.atomic():
            instance.save(update_fields=[*validated_data, "updated_at"])
        return instance


class NewClientKeySerializer(ClientKeySerializer):
    """What it takes to issue a key: every field that may be set, but for `enabled`."""

    class Meta(ClientKeySerializer.Meta):
        fields = [name for name in ClientKeySerializer.Meta.fields if name != "enabled"]
