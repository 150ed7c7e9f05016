"""`/api/providers/{name}/models` and `/sync`, and the same below `/api/me`: which models there are, who says so, and reading it anew."""

from asgiref.sync import async_to_sync
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import clock
from apps.core.api import StrictSerializer, get_named, paged
from apps.core.json_types import JSONObject
from apps.core.permissions import rights
from apps.gateway.api.live import account_outlooks, model_states
from apps.providers.api.listing import any_credential, model_row, read_now, usable_credential
from apps.providers.models import Provider, ProviderModel
from apps.providers.outlook import NO_OUTLOOK, quotas_as_json
from apps.providers.states import state_as_json

NOT_STORED = {"Cache-Control": "no-store"}


class ProviderModels(APIView):
    """GET: every model of the provider."""

    permission_classes = [rights("providers.provider")]

    def get(self, request: Request, name: str) -> Response:
        provider = _provider(name)
        return _models(request, provider, provider.models.all())


class ProviderSync(APIView):
    """POST: read the provider's list now, with one's own key or another's; what that changed."""

    permission_classes = [rights("providers.provider", post="change")]

    def post(self, request: Request, name: str) -> Response:
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        return Response(read_now(any_credential(_provider(name), request.user.pk or 0)), headers=NOT_STORED)


class MyProviderModels(APIView):
    """GET: the models that the user's key is shown."""

    def get(self, request: Request, name: str) -> Response:
        provider = _provider(name)
        own = provider.credentials.filter(user=request.user.pk).first()
        return _models(request, provider, provider.models.exclude(name__in=own.withheld if own else ()))


class MyProviderSync(APIView):
    """POST: read the provider's list now with the user's own key; what that changed."""

    def post(self, request: Request, name: str) -> Response:
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        return Response(
            read_now(usable_credential(_provider(name), request.user.pk or 0)), headers=NOT_STORED
        )


def _models(request: Request, provider: Provider, rows: QuerySet[ProviderModel]) -> Response:
    """The operator's and the vanished ones too."""
    states, now = _states(request, provider.name), clock.now()
    quotas = account_outlooks(request.user.pk or 0).get(provider.name, NO_OUTLOOK).models
    return paged(
        rows.order_by("name"),
        request,
        lambda row: (
            model_row(row, provider, states.get(row.name))
            | {"quotas": quotas_as_json(quotas.get(row.name, ()), now)}
        ),
    )


def _states(request: Request, name: str) -> dict[str, JSONObject]:
    """What the gateway knows of the models behind the current user's own key."""
    states = async_to_sync(model_states)(request.user.pk or 0, name)
    return {model: state_as_json(state) for model, state in states.items()}


def _provider(name: str) -> Provider:
    """Raises NotFound."""
    return get_named(Provider.objects.all(), name, "provider")
