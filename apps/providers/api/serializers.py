"""Providers and credentials on the wire of `/api`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.providers import quotas
from apps.providers.credentials import MalformedKeyError, clean_key
from apps.providers.models import MAX_MODEL_NAME, MAX_RETRIES, MAX_WEIGHT, Credential, Provider
from apps.providers.presets import (
    PresetError,
    is_setting,
    parse_preset,
    undeclared_settings,
    usable_settings,
)
from apps.providers.quotas import OVERRIDABLE, LimitsError
from apps.providers.types import Preset

MAX_INTEGER = 2**31 - 1  # of the columns


class LimitsField(serializers.Field[Any, Any, Any, Any]):
    """`{"requests": {"second", "minute", "hour", "day", "month"}, "tokens": {…}}`: 0 for unlimited, null for the catalogue's."""

    def to_internal_value(self, data: Any) -> dict[str, dict[str, int | None]]:
        """Raises ValidationError that names the member."""
        try:
            return quotas.validate_limits(data)
        except LimitsError as error:
            raise serializers.ValidationError(f"{error.field}: {error.message}.") from error

    def to_representation(self, value: Any) -> dict[str, dict[str, int | None]]:
        return {
            metric: {unit: (value.get(metric) or {}).get(unit) for unit in units}
            for metric, units in OVERRIDABLE.items()
        }


def _limit() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, allow_null=True, required=False)


class CredentialPatch(StrictSerializer):
    """PATCH /api/me/providers/{name}. All optional; null goes back to the catalogue's value, `api_key` "" removes the key.

    `settings` replaces what was stored: what the provider needs beside the key, such as {"account_id": "…"}.
    """

    api_key = serializers.CharField(allow_blank=True, required=False, trim_whitespace=True, max_length=1000)
    enabled = serializers.BooleanField(required=False)
    rpm_limit = _limit()
    rpd_limit = _limit()
    tpd_limit = _limit()
    limits = LimitsField(required=False)
    settings = serializers.DictField(required=False)
    weight = serializers.FloatField(min_value=0, max_value=MAX_WEIGHT, allow_null=True, required=False)
    default_model = serializers.CharField(
        allow_blank=True, allow_null=True, required=False, max_length=MAX_MODEL_NAME
    )
    max_retries = serializers.IntegerField(
        min_value=0, max_value=MAX_RETRIES, allow_null=True, required=False
    )

    def validate_api_key(self, value: str) -> str:
        """A key that can travel in a header, or "". Raises ValidationError."""
        if not value:
            return ""
        try:
            return clean_key(value)
        except MalformedKeyError as error:
            raise serializers.ValidationError(str(error)) from error

    def validate_settings(self, value: JSONObject) -> dict[str, str]:
        """Settings that the provider declares, each fit to stand in a URL. Raises ValidationError by name."""
        declared = _preset(self.context["provider"]).settings
        errors = {
            name: ["Must be letters, digits, - or _; at most 100."]
            if name in declared
            else ["Unknown setting."]
            for name, setting in value.items()
            if name not in declared or not is_setting(setting)
        }
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def validate_default_model(self, value: str | None) -> str:
        """A chat model that the provider offers. Raises ValidationError."""
        return known_model(self.context["provider"], value or "")


class ProviderPatch(StrictSerializer):
    """PATCH /api/providers/{name}. All optional."""

    base_url = serializers.CharField(required=False, max_length=300)
    enabled = serializers.BooleanField(required=False)
    weight = serializers.FloatField(min_value=0, max_value=MAX_WEIGHT, required=False)
    tags = serializers.ListField(child=serializers.SlugField(max_length=40), max_length=50, required=False)
    limits = LimitsField(required=False)
    default_model = serializers.CharField(allow_blank=True, required=False, max_length=MAX_MODEL_NAME)

    def validate_base_url(self, value: str) -> str:
        """An absolute http or https URL without user, query or fragment; the trailing slash goes. Raises ValidationError."""
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = None
        if not usable or "@" in parts.netloc or parts.query or parts.fragment or not value.isprintable():
            raise serializers.ValidationError("Must be an http or https URL without user, query or fragment.")
        if undeclared := undeclared_settings(value, _preset(self.context["provider"])):
            raise serializers.ValidationError(f"The provider has no setting {undeclared[0]!r}.")
        return value.rstrip("/")

    def validate_default_model(self, value: str) -> str:
        """A chat model that the provider offers. Raises ValidationError."""
        return known_model(self.context["provider"], value)


def _preset(provider: Provider) -> Preset:
    """The provider's preset; plain OpenAI where an operator left a table that cannot be read."""
    try:
        return parse_preset(provider.wire)
    except PresetError:
        return Preset()


def known_model(provider: Provider, name: str) -> str:
    """`name` if the provider has such a chat model, or "". Raises ValidationError."""
    if name and not provider.models.filter(name=name, task="chat", enabled=True).exists():
        raise serializers.ValidationError(f"{provider.name} offers no chat model of this name.")
    return name


def merged_limits(provider: Provider, patch: Mapping[str, Mapping[str, int | None]]) -> list[JSONObject]:
    """The provider's windows after a patch: a number sets, 0 removes, null goes back to the catalogue's."""
    current = {(item["metric"], item["unit"]): item for item in provider.limits}
    shipped = {(item["metric"], item["unit"]): item for item in provider.shipped.get("limits", [])}
    for metric, by_unit in patch.items():
        for unit, number in by_unit.items():
            span = (metric, unit)
            like = current.get(span) or shipped.get(span) or {"metric": metric, "unit": unit}
            if number is None and span in shipped:
                current[span] = shipped[span]
            elif number:
                current[span] = {**like, "limit": number}
            else:
                current.pop(span, None)
    return list(current.values())


def credential_row(provider: Provider, credential: Credential | None) -> JSONObject:
    """One row of GET /api/me/providers: overrides where there are any, else the catalogue's values; limits null when unlimited.

    `missing_settings`: what has to be set, beside the key, before the provider can be used.
    """
    own = credential or Credential(provider=provider)
    declared = _preset(provider)
    settings = usable_settings(declared, own.settings)
    catalogue = {(item["metric"], item["unit"]): item["limit"] for item in provider.limits}
    limits = {
        name: catalogue.get(span) if (value := getattr(own, name)) is None else value
        for name, span in quotas.SHORT_FIELDS.items()
    }
    return {
        "provider_name": provider.name,
        "has_key": bool(own.encrypted_key),
        "key_preview": own.key_preview or None,
        "settings": settings,
        "missing_settings": [name for name in declared.settings if name not in settings],
        "enabled": own.enabled and provider.enabled,
        **limits,
        "limits": LimitsField().to_representation(own.limits),
        "weight": provider.weight if own.weight is None else own.weight,
        "tags": provider.tags,
        "default_model": own.default_model or provider.default_model,
        "max_retries": own.max_retries,
    }
