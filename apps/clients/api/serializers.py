"""Client keys on the wire of `/api/clients`."""

from datetime import datetime

from django.db import transaction
from rest_framework import serializers

from apps.clients import allowed
from apps.clients.expiry import OVER, is_over
from apps.clients.models import (
    MAX_ALLOWED,
    MAX_ALLOWED_NAME,
    MAX_RPD,
    MAX_RPM,
    MAX_TOKENS,
    ClientKey,
)
from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject

MAX_GRACE_S = 30 * 86_400


def _limit(most: int) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=most, required=False)


def _names() -> serializers.ListField:
    name = serializers.CharField(max_length=MAX_ALLOWED_NAME)
    return serializers.ListField(child=name, max_length=MAX_ALLOWED, required=False)


class ClientKeySerializer(StrictSerializer, serializers.ModelSerializer[ClientKey]):
    """A key as its owner sees and edits it: never the key itself. Empty `allowed_*` lists allow all."""

    rpm_limit = _limit(MAX_RPM)
    rpd_limit = _limit(MAX_RPD)
    tpm_limit = _limit(MAX_TOKENS)
    tpd_limit = _limit(MAX_TOKENS)
    allowed_models = _names()
    allowed_strategies = _names()
    allowed_endpoints = _names()

    class Meta:
        model = ClientKey
        fields = [
            "name",
            "key_hash",
            "key_preview",
            "rpm_limit",
            "rpd_limit",
            "tpm_limit",
            "tpd_limit",
            "weight",
            "enabled",
            "expires_at",
            "allowed_models",
            "allowed_strategies",
            "allowed_endpoints",
            "data_use",
            "previous_until",
            "last_used_at",
            "created_at",
        ]

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """A time to come, the one that the key has, or null for never."""
        if is_over(value, self.instance.expires_at if self.instance else None):
            raise serializers.ValidationError(OVER)
        return value

    def validate(self, attrs: JSONObject) -> JSONObject:
        """Lists hold names of what there is, or what the key has already. Raises ValidationError."""
        for kind in allowed.KINDS:
            kept = getattr(self.instance, kind) if self.instance else ()
            if found := allowed.problems(kind, attrs.get(kind, []), kept):
                raise serializers.ValidationError({kind: found})
        return attrs

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


class RotationForm(StrictSerializer):
    """How long the old key opens beside the new one; 0 closes it at once. There is no default: either may be what is meant."""

    grace_s = serializers.IntegerField(min_value=0, max_value=MAX_GRACE_S)
