"""`/api/providers/find-local`: model servers on this machine, found and accepted."""

from django.db import connection
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import StrictSerializer
from apps.core.permissions import rights
from apps.providers import local_search
from apps.providers.credentials import use_without_key
from apps.providers.listing.background import read_soon
from apps.providers.models import Credential, Provider


class Search(StrictSerializer):
    """`accept`: the one to use from now on, if it answers."""

    accept = serializers.CharField(required=False, max_length=40)


class FindLocal(APIView):
    """POST: which servers answer. With `accept` one of them is used by the current user, without a key, and its models are read."""

    permission_classes = [rights("providers.provider", post="change")]

    def post(self, request: Request) -> Response:
        form = Search(data=request.data)
        form.is_valid(raise_exception=True)
        accepted = form.validated_data.get("accept")
        providers = {row.name: row for row in Provider.objects.all()}
        if not connection.in_atomic_block:
            connection.close()  # not held while servers think
        found = local_search.look(providers.values())
        if accepted is not None:
            if accepted not in {server.provider for server in found}:
                raise ValidationError({"accept": ["No such server answers on this machine."]})
            read_soon(use_without_key(request.user, providers[accepted]))
        own = Credential.objects.filter(user=request.user.pk, enabled=True)
        used = set(own.values_list("provider__name", flat=True))
        return Response(
            [
                {"name": server.provider, "models": server.models, "accepted": server.provider in used}
                for server in found
            ]
        )
