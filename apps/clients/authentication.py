"""Who may use `/api`: the `X-Admin-Token` header, and the permission of admins."""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission

from apps.clients import tokens

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request
    from rest_framework.views import APIView


class AdminTokenAuthentication(BaseAuthentication):
    """`X-Admin-Token: …` acts as the first superuser. A wrong or empty token is refused, not ignored."""

    def authenticate(self, request: "Request") -> "tuple[User, None] | None":
        """None without the header. Raises AuthenticationFailed."""
        raw = request.META.get("HTTP_X_ADMIN_TOKEN")
        if raw is None:
            return None
        if not tokens.accepts(raw):
            raise AuthenticationFailed("The admin token is wrong or revoked.")
        user = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if user is None:
            raise AuthenticationFailed("There is no superuser for the admin token to act as.")
        return user, None

    def authenticate_header(self, request: "Request") -> str:
        """The challenge of a 401."""
        return 'X-Admin-Token realm="api"'


class IsAdmin(BasePermission):
    """Staff and superusers."""

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        """Whether the request's user is an admin."""
        return is_admin(request)


def is_admin(request: "Request") -> bool:
    """Whether the request was made by an active member of staff or a superuser."""
    user = request.user
    return user.is_active and (user.is_staff or user.is_superuser)
