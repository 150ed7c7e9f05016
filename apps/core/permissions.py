"""The permission of admins, apart from `core.api`: DRF imports the authentication classes, and with them this, before its views."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

from apps.core.roles import is_admin

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsAdmin(BasePermission):
    """Staff and superusers."""

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        """Whether the request's user is an admin."""
        return is_admin(request.user)
