"""Who may do what in `/api`, apart from `core.api`: DRF imports the authentication classes, and with them this, before its views."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rest_framework.permissions import BasePermission

from apps.core.roles import may

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

ACTIONS: Final[Mapping[str, str]] = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


class ModelRights(BasePermission):
    """Superusers may all; staff exactly what their Django permissions for the model say, as in the admin site; nobody else."""

    model: str
    actions: Mapping[str, str] = ACTIONS

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        """Whether the request's user has the permission that the method calls for."""
        return may(request.user, self.actions.get(request.method or "", "change"), self.model)


def rights(model: str, *, post: str = "add", delete: str = "delete") -> type[ModelRights]:
    """The permission class for a model (`auth.user`). `post`, `delete`: what these methods do to it, where they do not add and delete."""
    actions = {**ACTIONS, "POST": post, "DELETE": delete}
    return type("ModelRights", (ModelRights,), {"model": model, "actions": actions})
