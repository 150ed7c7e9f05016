"""`/api/clients`: each user's own keys; admins reach everybody's with `?all=true`."""

from typing import TYPE_CHECKING, cast

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from apps.clients import keys, rotation
from apps.clients.api.serializers import ClientKeySerializer, NewClientKeySerializer, RotationForm
from apps.clients.models import ClientKey
from apps.core.api import TotalCountPagination, query_flag
from apps.core.json_types import JSONObject
from apps.core.permissions import ACTIONS
from apps.core.roles import may

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class KeyPages(TotalCountPagination):
    """Of one's own keys, or of everybody's."""

    beside = frozenset({"all"})


class ClientKeyViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[ClientKey],
):
    """A revoked key is gone from here; the admin site keeps showing it."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    permission_classes = [IsAuthenticated]
    serializer_class = ClientKeySerializer
    pagination_class = KeyPages
    queryset = ClientKey.objects.filter(revoked_at=None).order_by("-created_at", "-pk")
    lookup_field = "key_hash"
    lookup_value_regex = "[0-9a-f]{64}"

    def get_queryset(self) -> QuerySet[ClientKey]:
        """Raises PermissionDenied."""
        rows = super().get_queryset()
        if not query_flag(self.request, "all"):
            return rows.filter(user=_user(self.request))
        act = "change" if self.action == "rotate" else ACTIONS[self.request.method or "GET"]
        if not may(self.request.user, act, "clients.clientkey"):
            raise PermissionDenied("Only admins reach the keys of other users.")
        return rows

    def get_object(self) -> ClientKey:
        """By the hash of now, or the one of before while that secret opens too: who revokes what leaked has the hash of what leaked.
        A rotation takes the hash of now alone: of two at once, one is too late. Raises Http404."""
        key_hash = self.kwargs["key_hash"]
        named = Q(key_hash=key_hash)
        if self.action != "rotate":
            named |= Q(previous_hash=key_hash, previous_until__gt=timezone.now())
        return get_object_or_404(self.get_queryset(), named)

    def create(self, request: Request) -> Response:
        """Issue a key. This answer is the only one that holds it."""
        form = NewClientKeySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return _shown_once(keys.issue(_user(request), **form.validated_data), status.HTTP_201_CREATED)

    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, key_hash: str) -> Response:
        """Give the key another secret, which only this answer holds; the old one opens until the grace ends."""
        row = self.get_object()
        form = RotationForm(data=request.data)
        form.is_valid(raise_exception=True)
        issued = rotation.rotate(row, form.validated_data["grace_s"])
        if issued is None:
            raise NotFound("This key was rotated or revoked meanwhile.")
        return _shown_once(issued, status.HTTP_200_OK)

    def perform_destroy(self, instance: ClientKey) -> None:
        """DELETE revokes: the usage ledger goes on naming the key."""
        keys.revoke(instance)


def _shown_once(issued: keys.IssuedKey, code: int) -> Response:
    body: JSONObject = {**ClientKeySerializer(issued.row).data, "api_key": issued.raw}
    return Response(body, status=code, headers={"Cache-Control": "no-store"})


def _user(request: Request) -> "User":
    """The permission has refused anonymous users."""
    return cast("User", request.user)
