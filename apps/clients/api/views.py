"""`/api/clients`: each user's own keys; admins reach everybody's with `?all=true`."""

from typing import TYPE_CHECKING, cast

from django.db.models import QuerySet
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from apps.clients import keys
from apps.clients.api.serializers import ClientKeySerializer, NewClientKeySerializer
from apps.clients.models import ClientKey
from apps.core.api import TotalCountPagination, query_flag
from apps.core.json_types import JSONObject
from apps.core.roles import is_admin

if TYPE_CHECKING:
    from django.contrib.auth.models import User


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
    pagination_class = TotalCountPagination
    queryset = ClientKey.objects.filter(revoked_at=None).order_by("-created_at", "-pk")
    lookup_field = "key_hash"
    lookup_value_regex = "[0-9a-f]{64}"

    def get_queryset(self) -> QuerySet[ClientKey]:
        """Raises PermissionDenied."""
        rows = super().get_queryset()
        if not query_flag(self.request, "all"):
            return rows.filter(user=_user(self.request))
        if not is_admin(self.request.user):
            raise PermissionDenied("Only admins see the keys of other users.")
        return rows

    def create(self, request: Request) -> Response:
        """Issue a key. This answer is the only one that holds it."""
        form = NewClientKeySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        issued = keys.issue(_user(request), **form.validated_data)
        body: JSONObject = {**ClientKeySerializer(issued.row).data, "api_key": issued.raw}
        return Response(body, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    def perform_destroy(self, instance: ClientKey) -> None:
        """DELETE revokes: the usage ledger goes on naming the key."""
        keys.revoke(instance)


def _user(request: Request) -> "User":
    """The permission has refused anonymous users."""
    return cast("User", request.user)
