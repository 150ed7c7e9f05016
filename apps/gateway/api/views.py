"""`/api/providers`: the pool's live state, for the current user, and the operator's settings of each provider."""

from asgiref.sync import async_to_sync
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.clients.authentication import IsAdmin
from apps.core.api import get_named
from apps.core.json_types import JSONObject
from apps.gateway.api.live import ProviderState, provider_states
from apps.providers.api.serializers import ProviderPatch, credential_row, merged_limits
from apps.providers.models import Credential, Provider


class Providers(APIView):
    """GET: every provider with health, counters and limits."""

    permission_classes = [IsAdmin]

    def get(self, request: Request) -> Response:
        user_id = request.user.pk or 0
        own = {row.provider_id: row for row in Credential.objects.filter(user=user_id)}
        states = async_to_sync(provider_states)(user_id)
        return Response(
            [
                _row(provider, own.get(provider.pk), states[provider.name])
                for provider in Provider.objects.all()
            ]
        )


class OneProvider(APIView):
    """GET one; PATCH base_url, enabled, weight, tags, limits, default_model."""

    permission_classes = [IsAdmin]

    def get(self, request: Request, name: str) -> Response:
        return self._answer(request, get_named(Provider.objects.all(), name, "provider"))

    def patch(self, request: Request, name: str) -> Response:
        with transaction.atomic():
            provider = get_named(Provider.objects.select_for_update(), name, "provider")
            form = ProviderPatch(data=request.data, context={"provider": provider})
            form.is_valid(raise_exception=True)
            changes: JSONObject = dict(form.validated_data)
            if "limits" in changes:
                changes["limits"] = merged_limits(provider, changes["limits"])
            for field, value in changes.items():
                setattr(provider, field, value)
            provider.save()
        return self._answer(request, provider)

    @staticmethod
    def _answer(request: Request, provider: Provider) -> Response:
        user_id = request.user.pk or 0
        credential = provider.credentials.filter(user=user_id).first()
        states = async_to_sync(provider_states)(user_id)
        return Response(_row(provider, credential, states[provider.name]))


def _row(provider: Provider, credential: Credential | None, state: ProviderState) -> JSONObject:
    """The seed's shape, and below it what an operator needs to understand and change it."""
    own = credential_row(provider, credential)
    return {
        "name": provider.name,
        "enabled": provider.enabled,
        "has_key": own["has_key"],
        "healthy": state.reason is None,
        "requests_today": state.requests_today,
        "requests_this_minute": state.requests_this_minute,
        "rpm_limit": own["rpm_limit"],
        "rpd_limit": own["rpd_limit"],
        "tpd_limit": own["tpd_limit"],
        "tokens_today": state.tokens_today,
        "weight": own["weight"],
        "last_latency_ms": state.last_latency_ms,
        "latency_ema_ms": state.latency_ema_ms,
        "tags": provider.tags,
        "default_model": own["default_model"],
        "base_url": provider.base_url,
        "unhealthy_reason": state.reason,
        "unhealthy_for_s": state.blocked_for_s,
        "unhealthy_detail": state.detail or None,
    }
