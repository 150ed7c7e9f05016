"""`/api/users`: all users, for superusers and for staff with Django's permissions for users."""

from typing import cast

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import users
from apps.accounts.api.serializers import NAME_TAKEN, UserSerializer
from apps.core.api import TotalCountPagination
from apps.core.permissions import rights

SUPERUSERS_ONLY = ("is_staff", "is_superuser", "groups")


class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[User]):
    """Staff see all users and change those that are neither staff nor superusers; rights are given by superusers."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    permission_classes = [rights("auth.user")]
    serializer_class = UserSerializer
    pagination_class = TotalCountPagination
    queryset = User.objects.order_by("pk").prefetch_related("groups")
    lookup_field = "pk"
    lookup_value_regex = "[0-9]{1,18}"

    def create(self, request: Request) -> Response:
        """Make a user. Raises ValidationError, PermissionDenied."""
        form = UserSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        self._refuse_rights(form)
        _save(form)
        return Response(form.data, status=status.HTTP_201_CREATED)

    @transaction.atomic
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what was sent. Raises ValidationError, PermissionDenied."""
        users.lock_superusers()
        user = self.get_object()
        self._refuse_above(user)
        form = UserSerializer(user, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        self._refuse_rights(form)
        ending = [name for name in ("is_active", "is_superuser") if form.validated_data.get(name) is False]
        if ending:
            _keep_a_superuser(user, ending[0])
        _save(form)
        return Response(form.data)

    @transaction.atomic
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a user with their keys; the usage ledger goes on naming them by number. Raises ValidationError, PermissionDenied."""
        users.lock_superusers()
        user = self.get_object()
        self._refuse_above(user)
        _keep_a_superuser(user, "id")
        user.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _refuse_above(self, user: User) -> None:
        if not users.may_change(cast(User, self.request.user), user):
            raise PermissionDenied("Only superusers change staff and superusers.")

    def _refuse_rights(self, form: UserSerializer) -> None:
        """What stays as it is may be sent along: a client that edits a name sends back all that it was shown."""
        given = [name for name in SUPERUSERS_ONLY if _gives(form, name)]
        if given and not self.request.user.is_superuser:
            raise PermissionDenied(f"Only superusers set {', '.join(given)}.")


def _gives(form: UserSerializer, name: str) -> bool:
    """Whether the user would get another value than they have; a new one has no rights."""
    if name not in form.validated_data:
        return False
    value = form.validated_data[name]
    if name == "groups":
        return set(value) != set(form.instance.groups.all() if form.instance else ())
    return bool(value != (getattr(form.instance, name) if form.instance else False))


def _keep_a_superuser(leaving: User, field: str) -> None:
    try:
        users.refuse_without(User.objects.filter(pk=leaving.pk))
    except users.LastSuperuserError as error:
        raise ValidationError({field: [str(error)]}) from None


def _save(form: UserSerializer) -> None:
    """The constraint decides between two that take a name at once."""
    try:
        with transaction.atomic():
            form.save()
    except IntegrityError:
        raise ValidationError({"username": [NAME_TAKEN]}) from None
