"""`/api/me/providers`: a user's own credentials and overrides."""

from collections.abc import Mapping
from functools import partial

import msgspec
from django.db import connection, transaction
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import clock
from apps.core.api import StrictSerializer, get_named, paged
from apps.core.json_types import JSONObject
from apps.providers.api.serializers import CredentialPatch, catalogue_row, credential_row
from apps.providers.credentials import own_row, put_key, put_settings, trust
from apps.providers.listing.background import read_soon
from apps.providers.models import Credential, Provider
from apps.providers.outlook import MOVING, Outlook, outlooks_of
from apps.providers.outlook import as_json as outlook_as_json
from apps.providers.probe import probe_stored
from apps.providers.states import State, as_json, states_of
from apps.providers.trust import reset_account

NO_CAP = "Set what may be spent here in a calendar month before `use_paid` is turned on."


class MyProviders(APIView):
    """GET: every provider with the user's own settings."""

    def get(self, request: Request) -> Response:
        rows = Credential.objects.filter(user=request.user.pk).prefetch_related("evidence")
        own = {row.provider_id: row for row in rows}
        show = partial(_row, states_of(request.user.pk or 0), outlooks_of(request.user.pk or 0))
        return paged(
            Provider.objects.prefetch_related("models"),
            request,
            lambda provider: show(provider, own.get(provider.pk)),
        )


class MyProvider(APIView):
    """GET one, PATCH to upsert, DELETE to forget key and overrides."""

    def get(self, request: Request, name: str) -> Response:
        return Response(_shown(request, get_named(Provider.objects.all(), name, "provider")))

    def patch(self, request: Request, name: str) -> Response:
        provider = get_named(Provider.objects.all(), name, "provider")
        context = {"provider": provider, "shown": partial(_shown, request, provider), "moving": MOVING}
        form = CredentialPatch(data=request.data, context=context)
        form.is_valid(raise_exception=True)
        credential = _upsert(request.user.pk or 0, provider, dict(form.validated_data))
        if credential.listed_at is None and credential.enabled:
            transaction.on_commit(lambda: read_soon(credential))
        return Response(_shown(request, provider))

    def delete(self, request: Request, name: str) -> Response:
        provider = get_named(Provider.objects.all(), name, "provider")
        get_object_or_404(Credential, user=request.user.pk, provider=provider).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class MyProviderCatalogue(APIView):
    """GET: what holds of the provider where the user overrides nothing, and where a key comes from."""

    def get(self, request: Request, name: str) -> Response:
        return Response(catalogue_row(get_named(Provider.objects.all(), name, "provider")))


class MyProviderReset(APIView):
    """POST: ask the account again, whatever closed it. Counters stay."""

    def post(self, request: Request, name: str) -> Response:
        provider = get_named(Provider.objects.all(), name, "provider")
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        with transaction.atomic():
            rows = Credential.objects.select_for_update()
            reset_account(get_object_or_404(rows, user=request.user.pk, provider=provider))
        return Response(_shown(request, provider))


class MyProviderProbe(APIView):
    """POST: does the stored key work? One cheap call to the provider."""

    def post(self, request: Request, name: str) -> Response:
        """400 when there is no key to test; a key that does not work is an answer, not an error."""
        provider = get_named(Provider.objects.all(), name, "provider")
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        credential = provider.credentials.filter(user=request.user.pk).first()
        if provider.requires_key and not (credential and credential.encrypted_key):
            raise ValidationError({"api_key": ["No key is stored for this provider."]})
        if not connection.in_atomic_block:
            connection.close()  # not held while the provider thinks
        outcome = probe_stored(provider, credential, request.user.pk or 0)
        if outcome.ok and credential is not None:
            trust(credential)
        return Response(msgspec.to_builtins(outcome), headers={"Cache-Control": "no-store"})


def _shown(request: Request, provider: Provider) -> JSONObject:
    """What the user has there, as GET answers it."""
    user_id = request.user.pk or 0
    own = provider.credentials.filter(user=request.user.pk).first()
    return _row(states_of(user_id), outlooks_of(user_id), provider, own)


def _row(
    states: Mapping[str, State],
    outlooks: Mapping[str, Outlook],
    provider: Provider,
    credential: Credential | None,
) -> JSONObject:
    return (
        credential_row(provider, credential)
        | as_json(provider, credential, states.get(provider.name))
        | outlook_as_json(outlooks.get(provider.name), clock.now())
    )


@transaction.atomic
def _upsert(user_id: int, provider: Provider, changes: JSONObject) -> Credential:
    """Write only what was sent, under a lock on the row: two edits of different fields both stay."""
    credential = own_row(user_id, provider)
    if "spend_cap_usd" in changes:
        credential.spend_cap_microusd = changes.pop("spend_cap_usd")
    raw_key = changes.pop("api_key", None)
    if raw_key:
        put_key(credential, raw_key)
    elif raw_key is not None:
        credential.encrypted_key = credential.key_preview = ""
    limits = changes.pop("limits", {})
    for metric, by_unit in limits.items():
        credential.limits[metric] = {**credential.limits.get(metric, {}), **by_unit}
    put_settings(credential, changes.pop("settings", credential.settings))
    for name, value in changes.items():
        setattr(credential, name, value)
    if credential.use_paid and credential.spend_cap_microusd is None:
        raise ValidationError({"spend_cap_usd": [NO_CAP]})
    credential.save()
    return credential
