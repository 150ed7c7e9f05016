"""`/api/providers`: the pool's live state, for the current user, and the operator's settings of each provider."""

from collections import defaultdict
from functools import partial

from asgiref.sync import async_to_sync
from django.db import transaction
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import clock
from apps.core.api import StrictSerializer, get_named, paged
from apps.core.json_types import JSONObject
from apps.core.permissions import rights
from apps.gateway.api.live import ProviderState, account_outlooks, provider_states, state_store
from apps.providers import local_search
from apps.providers.api.new_provider import NewProvider
from apps.providers.api.serializers import (
    ProviderPatch,
    credential_row,
    merged_limits,
    standing_of,
)
from apps.providers.models import Credential, Provider
from apps.providers.outlook import MOVING, Outlook
from apps.providers.outlook import as_json as outlook_as_json
from apps.providers.states import as_json
from apps.providers.trust import reset_provider


class Providers(APIView):
    """GET: every provider with health, counters and limits. POST: add one that speaks OpenAI's wire."""

    permission_classes = [rights("providers.provider")]

    def get(self, request: Request) -> Response:
        user_id = request.user.pk or 0
        rows = Credential.objects.filter(user=user_id).prefetch_related("evidence")
        own = {row.provider_id: row for row in rows}
        states, outlooks = async_to_sync(provider_states)(user_id), account_outlooks(user_id)
        return paged(
            Provider.objects.prefetch_related("models"),
            request,
            lambda provider: _row(
                provider, own.get(provider.pk), states[provider.name], outlooks.get(provider.name)
            ),
        )

    def post(self, request: Request) -> Response:
        form = NewProvider(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(_shown(request, form.save()), status=status.HTTP_201_CREATED)


class OneProvider(APIView):
    """GET one; PATCH base_url, enabled, weight, tags, limits, default_model."""

    permission_classes = [rights("providers.provider")]

    def get(self, request: Request, name: str) -> Response:
        return Response(_shown(request, get_named(Provider.objects.all(), name, "provider")))

    def patch(self, request: Request, name: str) -> Response:
        with transaction.atomic():
            provider = get_named(Provider.objects.select_for_update(), name, "provider")
            context = {"provider": provider, "shown": partial(_shown, request, provider), "moving": MOVING}
            form = ProviderPatch(data=request.data, context=context)
            form.is_valid(raise_exception=True)
            changes: JSONObject = dict(form.validated_data)
            if "limits" in changes:
                changes["limits"] = merged_limits(provider, changes["limits"])
            for field, value in changes.items():
                setattr(provider, field, value)
            provider.save()
        return Response(_shown(request, provider))


class ProviderReset(APIView):
    """POST: ask everybody's accounts there again, whatever closed them. Counters stay."""

    permission_classes = [rights("providers.provider", post="change")]

    def post(self, request: Request, name: str) -> Response:
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        with transaction.atomic():
            provider = get_named(Provider.objects.select_for_update(), name, "provider")
            reset_provider(provider)
        return Response(_shown(request, provider))


class Tags(APIView):
    """GET: every tag, with the providers that carry it."""

    permission_classes = [rights("providers.provider")]

    def get(self, request: Request) -> Response:
        carriers: dict[str, list[str]] = defaultdict(list)
        for name, tags in Provider.objects.order_by("name").values_list("name", "tags"):
            for tag in dict.fromkeys(tags):
                carriers[tag].append(name)
        return paged(sorted(carriers), request, lambda tag: {"tag": tag, "providers": carriers[tag]})


def _shown(request: Request, provider: Provider) -> JSONObject:
    user_id = request.user.pk or 0
    credential = provider.credentials.filter(user=user_id).first()
    states, outlooks = async_to_sync(provider_states)(user_id), account_outlooks(user_id)
    return _row(provider, credential, states[provider.name], outlooks.get(provider.name))


def _row(
    provider: Provider, credential: Credential | None, state: ProviderState, outlook: Outlook | None
) -> JSONObject:
    """The seed's shape, and below it what an operator needs to understand and change it."""
    own = credential_row(provider, credential)
    shown = as_json(provider, credential, state.as_state())
    return {
        "name": provider.name,
        "enabled": provider.enabled and not provider.ended(),
        "has_key": own["has_key"],
        "healthy": shown["healthy"],
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
        "state_store": state_store(),
        "base_url": provider.base_url,
        "found_locally": local_search.models_seen(provider.name),
        "models_read_at": provider.listed_at,
        "models_error": provider.list_error or None,
        **standing_of(provider),
        **shown,
        **outlook_as_json(outlook, clock.now()),
    }
