"""`/api/me/providers`: a user's own credentials and overrides."""

import msgspec
from django.db import connection, transaction
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import StrictSerializer, get_named
from apps.core.json_types import JSONObject
from apps.providers.api.serializers import CredentialPatch, credential_row
from apps.providers.credentials import put_key, trust
from apps.providers.models import Credential, Provider
from apps.providers.probe import probe_stored


class MyProviders(APIView):
    """GET: every provider with the user's own settings."""

    def get(self, request: Request) -> Response:
        own = {row.provider_id: row for row in Credential.objects.filter(user=request.user.pk)}
        return Response(
            [credential_row(provider, own.get(provider.pk)) for provider in Provider.objects.all()]
        )


class MyProvider(APIView):
    """GET one, PATCH to upsert, DELETE to forget key and overrides."""

    def get(self, request: Request, name: str) -> Response:
        provider = get_named(Provider.objects.all(), name, "provider")
        return Response(credential_row(provider, provider.credentials.filter(user=request.user.pk).first()))

    def patch(self, request: Request, name: str) -> Response:
        provider = get_named(Provider.objects.all(), name, "provider")
        form = CredentialPatch(data=request.data, context={"provider": provider})
        form.is_valid(raise_exception=True)
        credential = _upsert(request.user.pk or 0, provider, dict(form.validated_data))
        return Response(credential_row(provider, credential))

    def delete(self, request: Request, name: str) -> Response:
        provider = get_named(Provider.objects.all(), name, "provider")
        get_object_or_404(Credential, user=request.user.pk, provider=provider).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


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


@transaction.atomic
def _upsert(user_id: int, provider: Provider, changes: JSONObject) -> Credential:
    """Write only what was sent, under a lock on the row: two edits of different fields both stay."""
    credential, _ = Credential.objects.get_or_create(user_id=user_id, provider=provider)
    credential = Credential.objects.select_for_update().get(pk=credential.pk)
    raw_key = changes.pop("api_key", None)
    if raw_key:
        put_key(credential, raw_key)
    elif raw_key is not None:
        credential.encrypted_key = credential.key_preview = ""
    limits = changes.pop("limits", {})
    for metric, by_unit in limits.items():
        credential.limits[metric] = {**credential.limits.get(metric, {}), **by_unit}
    for name, value in changes.items():
        setattr(credential, name, value)
    credential.save()
    return credential
