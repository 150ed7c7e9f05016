"""Providers and credentials on the wire of `/api`."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from msgspec.structs import replace
from rest_framework import serializers

from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.core.state.keys import CONCURRENCY, Span
from apps.core.state.periods import NOW
from apps.providers import quotas, writing
from apps.providers.api.listing import told_row
from apps.providers.credentials import KeyRefusedError, storable
from apps.providers.evidence import told_of
from apps.providers.limits import (
    MAX_LIMIT,
    METRICS,
    Limit,
    LimitsError,
    declared_limits,
    edited_spans,
    written_limits,
)
from apps.providers.models import MAX_MODEL_NAME, MAX_RETRIES, MAX_WEIGHT, Credential, Provider
from apps.providers.overrides import (
    MAX_PERIODS,
    NO_TOLD,
    SHORT_FIELDS,
    Overrides,
    limits_row,
    validate_limits,
)
from apps.providers.presets import (
    usable_settings,
)
from apps.providers.quotas import Scheme

MICRO = 1_000_000
MAX_SPEND_USD = 1_000_000
MAX_INTEGER = 2**31 - 1  # of the columns


AMOUNT: Final[JSONObject] = {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_LIMIT}
BY_PERIOD: Final[JSONObject] = {
    "type": "object",
    "maxProperties": MAX_PERIODS,
    "additionalProperties": AMOUNT,
}
AT_A_TIME: Final[JSONObject] = {
    "type": "object",
    "properties": {NOW: AMOUNT},
    "additionalProperties": False,
}


@extend_schema_field(
    {
        "type": "object",
        "properties": {**dict.fromkeys(METRICS, BY_PERIOD), CONCURRENCY: AT_A_TIME},
        "additionalProperties": False,
    }
)
class LimitsField(serializers.Field[Any, Any, Any, Any]):
    """`{"requests": {"second", "minute", "hour", "day", "month"}, "tokens": {…}}`, and any other metric and length that is set: 0 for
    unlimited, null for the catalogue's."""

    def to_internal_value(self, data: Any) -> dict[str, dict[str, int | None]]:
        """Raises ValidationError that names the member."""
        try:
            return validate_limits(data)
        except LimitsError as error:
            raise serializers.ValidationError(f"{error.field}: {error.message}.") from error

    def to_representation(self, value: Any) -> dict[str, dict[str, int | None]]:
        return limits_row(value)


def _limit() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MAX_INTEGER, allow_null=True, required=False)


class CredentialPatch(StrictSerializer):
    """PATCH /api/me/providers/{name}. All optional; null goes back to the catalogue's value, `api_key` "" removes the key.

    `settings` replaces what was stored: what the provider needs beside the key, such as {"account_id": "…"}.
    """

    api_key = serializers.CharField(allow_blank=True, required=False, trim_whitespace=False, max_length=1000)
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
    use_paid = serializers.BooleanField(required=False)
    spend_cap_usd = serializers.FloatField(
        min_value=0, max_value=MAX_SPEND_USD, allow_null=True, required=False
    )

    def validate_api_key(self, value: str) -> str:
        """A key that can travel in a header, or "". Raises ValidationError, for any key of a provider that has ended too."""
        if value == "":
            return ""
        if ended := self.context["provider"].ended():
            raise serializers.ValidationError(ended)
        try:
            return storable(value)
        except KeyRefusedError as error:
            raise serializers.ValidationError(str(error)) from error

    def validate_spend_cap_usd(self, value: float | None) -> int | None:
        """In micro-dollars, as it is stored."""
        return None if value is None else round(value * MICRO)

    def validate_settings(self, value: JSONObject) -> dict[str, str]:
        """Settings that the provider declares, each fit to stand in a URL. Raises ValidationError by name."""
        problems = writing.setting_problems(writing.preset_of(self.context["provider"]), value)
        if problems:
            raise serializers.ValidationError({name: [problem] for name, problem in problems.items()})
        return value

    def validate_default_model(self, value: str | None) -> str:
        """A chat model that the provider offers. Raises ValidationError."""
        return _or_refused(writing.known_model, self.context["provider"], value or "")


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
        return _or_refused(writing.base_url, value, writing.preset_of(self.context["provider"]))

    def validate_tags(self, value: list[str]) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(value))

    def validate_default_model(self, value: str) -> str:
        """A chat model that the provider offers. Raises ValidationError."""
        return _or_refused(writing.known_model, self.context["provider"], value)


def _or_refused(rule: Callable[..., str], *arguments: Any) -> str:
    """What the rule makes of them. Raises ValidationError."""
    try:
        return rule(*arguments)
    except ValueError as error:
        raise serializers.ValidationError(str(error)) from None


def merged_limits(provider: Provider, patch: Mapping[str, Mapping[str, int | None]]) -> list[JSONObject]:
    """The provider's windows after a patch: a number sets, 0 removes, null goes back to the catalogue's.

    Of a span that is counted for models or groups of them, every one gets the number; of one that nobody counts, the account.
    """
    current, shipped = declared_limits(provider.limits), declared_limits(provider.shipped.get("limits", []))
    for metric, by_period in patch.items():
        for period, number in by_period.items():
            span = Span(metric, period)
            like = [limit for limit in current if limit.span == span] or [
                limit for limit in shipped if limit.span == span
            ]
            if number:
                like = [replace(limit, limit=number) for limit in like or [Limit(metric, period, number)]]
            elif number is None:
                like = [limit for limit in shipped if limit.span == span]
            else:
                like = []
            current = [limit for limit in current if limit.span != span] + like
    return written_limits(current)


def credential_row(provider: Provider, credential: Credential | None) -> JSONObject:
    """One row of GET /api/me/providers: overrides where there are any, else the catalogue's values; limits null when unlimited.

    `missing_settings`: what has to be set, beside the key, before the provider can be used. A provider that has ended is enabled for
    nobody; `retired` says since when and why.
    """
    own = credential or Credential(provider=provider)
    declared = writing.preset_of(provider)
    settings = usable_settings(declared, own.settings)
    return {
        "provider_name": provider.name,
        "has_key": bool(own.encrypted_key),
        "key_preview": own.key_preview or None,
        "settings": settings,
        "missing_settings": [name for name in declared.settings if name not in settings],
        "enabled": own.enabled and provider.enabled and not provider.ended(),
        **_short_limits(provider, own),
        "limits": LimitsField().to_representation(own.limits),
        "weight": provider.weight if own.weight is None else own.weight,
        "tags": provider.tags,
        "default_model": own.default_model or provider.default_model,
        "max_retries": own.max_retries,
        **told_row(own),
        "use_paid": own.use_paid,
        "spend_cap_usd": None if own.spend_cap_microusd is None else own.spend_cap_microusd / MICRO,
        **standing_of(provider),
    }


def catalogue_row(provider: Provider) -> JSONObject:
    """What a user's overrides stand above. `limits`: every window as it is declared. `settings`: what is needed beside the key."""
    shown = credential_row(provider, None)
    same = ("rpm_limit", "rpd_limit", "tpd_limit", "weight", "tags", "default_model")
    return {
        "provider_name": provider.name,
        "display_name": provider.display_name or provider.name,
        "base_url": provider.base_url,
        "requires_key": provider.requires_key,
        "key_url": provider.key_url or None,
        "key_env": provider.key_env,
        "settings": list(writing.preset_of(provider).settings),
        **{name: shown[name] for name in same},
        "limits": provider.limits,
        **standing_of(provider),
    }


def standing_of(provider: Provider) -> JSONObject:
    """What a user should know before they sign up: whether it costs money, what binds them, and whether it still serves."""
    retired = provider.retired_on and {
        "on": provider.retired_on.isoformat(),
        "because": provider.retired_because,
    }
    return {"access": provider.access, "terms": provider.terms, "retired": retired}


def _short_limits(provider: Provider, own: Credential) -> dict[str, int | None]:
    """rpm_limit, rpd_limit and tpd_limit as they hold: the account's, and the default model's where the provider counts each model."""
    models = {
        model.name: declared_limits(model.limits, of_model=True)
        for model in provider.models.all()
        if model.enabled
    }
    declared = declared_limits(provider.limits)
    edited = edited_spans(declared, provider.shipped)
    scheme = Scheme.of(declared, chain.from_iterable(models.values()), edited)
    model = own.default_model or provider.default_model
    overrides = Overrides.of(
        own.limits, {name: getattr(own, name) for name in SHORT_FIELDS}, told_of(own) if own.pk else NO_TOLD
    )
    return {
        name: quotas.shown_limit(span, model, models.get(model, ()), scheme, overrides)
        for name, span in SHORT_FIELDS.items()
    }
