"""Who may use `/api`: the `X-Admin-Token` header."""

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from apps.clients import tokens
from apps.core import audit

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request


class AdminTokenAuthentication(BaseAuthentication):
    """`X-Admin-Token: …` acts as the first superuser. A wrong or empty token is refused, not ignored."""

    def authenticate(self, request: "Request") -> "tuple[User, None] | None":
        """None without the header. Raises AuthenticationFailed."""
        raw = request.META.get("HTTP_X_ADMIN_TOKEN")
        if raw is None:
            return None
        name = tokens.name_of(raw)
        if name is None:
            raise AuthenticationFailed("The admin token is wrong or revoked.")
        user = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if user is None:
            raise AuthenticationFailed("There is no superuser for the admin token to act as.")
        setattr(request._request, audit.TOKEN_NAME, name)
        return user, None

    def authenticate_header(self, request: "Request") -> str:
        """The challenge of a 401."""
        return 'X-Admin-Token realm="api"'
