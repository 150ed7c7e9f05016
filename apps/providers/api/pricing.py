"""`/api/pricing`: what models cost, in USD per million tokens."""

from typing import Final

from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api import StrictSerializer, get_named, paged
from apps.core.json_types import JSONObject
from apps.core.permissions import rights
from apps.providers.api.listing import edited_columns, usd
from apps.providers.models import Provider, ProviderModel

MICRO: Final = 1_000_000
MAX_PRICE_USD: Final = 1_000_000
PRICES: Final = ("prompt_microusd", "completion_microusd")


def _price() -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=MAX_PRICE_USD, allow_null=True)


class Price(StrictSerializer):
    """PUT: both, null where nobody knows."""

    prompt_usd = _price()
    completion_usd = _price()


class Pricing(APIView):
    """GET: the price of every model."""

    permission_classes = [rights("providers.providermodel")]

    def get(self, request: Request) -> Response:
        rows = ProviderModel.objects.select_related("provider").order_by("provider__name", "name")
        return paged(rows, request, price_row)


class OnePrice(APIView):
    """GET one; PUT sets it, above what the catalogue and the provider's list say; DELETE gives their word back."""

    permission_classes = [rights("providers.providermodel", delete="change")]

    def get(self, request: Request, provider: str, model: str) -> Response:
        return Response(price_row(_row(provider, model)))

    def put(self, request: Request, provider: str, model: str) -> Response:
        row = _row(provider, model)
        form = Price(data=request.data, context={"shown": lambda: price_row(row)})
        form.is_valid(raise_exception=True)
        prices = (form.validated_data["prompt_usd"], form.validated_data["completion_usd"])
        for column, price in zip(PRICES, prices, strict=True):
            setattr(row, column, None if price is None else round(price * MICRO))
        row.save(update_fields=[*PRICES, "updated_at"])
        return Response(price_row(row))

    @transaction.atomic
    def delete(self, request: Request, provider: str, model: str) -> Response:
        row = _row(provider, model)
        for column in PRICES:
            setattr(row, column, row.listed.get(column, row.shipped.get(column)))
        row.save(update_fields=[*PRICES, "updated_at"])
        return Response(status=status.HTTP_204_NO_CONTENT)


def price_row(row: ProviderModel) -> JSONObject:
    """`edited`: whether an operator's price stands in it."""
    return {
        "provider": row.provider.name,
        "model": row.name,
        "prompt_usd": usd(row.prompt_microusd),
        "completion_usd": usd(row.completion_microusd),
        "edited": not set(PRICES).isdisjoint(edited_columns(row)),
    }


def _row(provider: str, model: str) -> ProviderModel:
    """Raises NotFound."""
    owner = get_named(Provider.objects.all(), provider, "provider")
    return get_object_or_404(owner.models.select_related("provider"), name=model)
