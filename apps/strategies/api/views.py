"""`/api/strategies`: every strategy, custom ones made and deleted, built-in ones edited and reset."""

from django.db import IntegrityError, transaction
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import StrictSerializer, TotalCountPagination, get_named
from apps.core.json_types import JSONObject
from apps.core.permissions import rights
from apps.strategies.api.serializers import (
    DuplicateName,
    NewStrategySerializer,
    NotForThisStrategy,
    StrategySerializer,
)
from apps.strategies.checking import warnings_of
from apps.strategies.models import Strategy
from apps.strategies.shipped import NotBuiltinError, reset


class StrategyViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Strategy],
):
    """What is written comes back with `warnings`: clauses that have no effect with the providers there are."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    permission_classes = [rights("strategies.strategy")]
    serializer_class = StrategySerializer
    pagination_class = TotalCountPagination
    queryset = Strategy.objects.all()
    lookup_field = "name"
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    def create(self, request: Request) -> Response:
        """Make a custom strategy. Raises DuplicateName, DefinitionRefused."""
        form = NewStrategySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            row = form.save()
        except IntegrityError:  # the constraint decides, so that two at once cannot both win
            raise DuplicateName from None
        return Response(_written(row), status=status.HTTP_201_CREATED)

    @transaction.atomic
    def partial_update(self, request: Request, name: str) -> Response:
        """Change description or definition. Raises DefinitionRefused."""
        row = self._locked()
        form = StrategySerializer(row, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        return Response(_written(form.save()))

    @transaction.atomic
    def destroy(self, request: Request, *_: object, **__: object) -> Response:
        """Delete a custom strategy. Raises NotForThisStrategy for a built-in one."""
        row = self._locked()
        if row.is_builtin:
            raise NotForThisStrategy("A built-in strategy cannot be deleted, only edited and reset.")
        row.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"], permission_classes=[rights("strategies.strategy", post="change")])
    @transaction.atomic
    def reset(self, request: Request, name: str) -> Response:
        """Give a built-in its shipped definition back. Raises NotForThisStrategy for a custom one."""
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        row = self._locked()
        try:
            reset(row)
        except NotBuiltinError:
            raise NotForThisStrategy("Only a built-in strategy has a shipped definition.") from None
        return Response(_written(row))

    def get_object(self) -> Strategy:
        """The row of the URL. Raises NotFound."""
        return get_named(self.get_queryset(), self.kwargs["name"], "strategy")

    def _locked(self) -> Strategy:
        """The row, which nobody else changes until the transaction ends. Raises NotFound."""
        self.queryset = Strategy.objects.select_for_update()
        return self.get_object()


def _written(row: Strategy) -> JSONObject:
    warnings = warnings_of(row.definition)
    return {**StrategySerializer(row).data, "warnings": [warning.as_detail() for warning in warnings]}
