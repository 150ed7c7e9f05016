"""Whose rows a page of the admin site shows and changes: the one mechanism of every model's pages.

Superusers reach all rows, staff what their Django permissions say (`core.roles`), and every active user rows of their own, where a page
says which fields name an owner and what owners may do. Another's row is a 404 for who may not see it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Field, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse

from apps.core import roles
from apps.core.as_of import AsOf
from apps.core.json_field import StrictJSONField

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    Base = ModelAdmin[Any]
else:  # Django's classes are generic for the type checker only
    Base = ModelAdmin


DATE: Final = {"type": "date", "aria-label": "Date (UTC)"}
TIME: Final = {"type": "time", "step": "1", "aria-label": "Time (UTC)"}
WIDGETS: Final[Any] = {
    models.DateTimeField: {
        "form_class": forms.SplitDateTimeField,
        "widget": forms.SplitDateTimeWidget(None, "%Y-%m-%d", "%H:%M:%S", DATE, TIME),
    },
    models.DateField: {"widget": forms.DateInput(DATE, "%Y-%m-%d")},
    models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple},
    models.JSONField: {"form_class": StrictJSONField},
}
"""For kinds of columns: what needs no script, and what refuses what `/api` refuses."""


class OwnedAdmin(Base):
    """`owner`: the field that names whose a row is; "" where rows are nobody's. `own`: which of view, add, change and delete users may
    with rows of their own, whatever their permissions."""

    formfield_overrides = WIDGETS
    owner = ""
    own: frozenset[str] = frozenset()

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        """The rows that the user may see."""
        rows = super().get_queryset(request)
        return rows if self._sees_all(request) else self._owned_by(request, rows)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Raises PermissionDenied where the user has no business with such rows at all, and Http404 for another's."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id!r}.")
        return found

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user sees anything of the model."""
        return self.has_view_or_change_permission(request) or self.has_add_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change a row may see it."""
        return self._may(request, "view", obj) or self._may(request, "change", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A row for oneself, at least."""
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Any row, without `obj`."""
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Any row, without `obj`."""
        return self._may(request, "delete", obj)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody gives a row of their own to somebody else."""
        hidden = tuple(super().get_exclude(request, obj) or ())
        return (*hidden, self.owner) if self._acts_for_themselves(request, obj) else hidden or None

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> "type[ModelForm[Any]]":
        """A form that tells what somebody else has saved since it was opened."""
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (AsOf, form), {"__module__": form.__module__}) if obj is not None else form

    def save_form(self, request: HttpRequest, form: "ModelForm[Any]", change: bool) -> Any:
        """A row that users add is their own, where they have no say in it."""
        row = super().save_form(request, form, change)
        if not change and self._acts_for_themselves(request, None):
            setattr(row, self._owner_column, request.user.pk)
        return row

    def response_action(
        self, request: HttpRequest, queryset: "QuerySet[Any]", *place: Any, **options: Any
    ) -> HttpResponse | None:
        """Staff who see all rows act only on those that they may act on: without the permission, on their own."""
        chosen = self.get_actions(request).get(request.POST.get("action", ""))
        needed: Iterable[str] = getattr(chosen[0], "allowed_permissions", ()) if chosen else ()
        if not all(self._may_everywhere(request, action) for action in needed):
            queryset = self._owned_by(request, queryset)
        return super().response_action(request, queryset, *place, **options)

    @property
    def _owner_column(self) -> str:
        return cast("Field[Any, Any]", self.opts.get_field(self.owner)).attname

    def _acts_for_themselves(self, request: HttpRequest, row: Any) -> bool:
        action = "add" if row is None else "change"
        return bool(self.owner) and not self._may_everywhere(request, action)

    def _may(self, request: HttpRequest, action: str, row: Any = None) -> bool:
        if self._may_everywhere(request, action):
            return True
        if not (self.owner and action in self.own and request.user.is_active):
            return False
        return row is None or getattr(row, self._owner_column) == request.user.pk

    def _may_everywhere(self, request: HttpRequest, action: str) -> bool:
        return roles.may(cast("User", request.user), action, self.opts.label_lower)

    def _sees_all(self, request: HttpRequest) -> bool:
        return any(self._may_everywhere(request, action) for action in ("view", "change"))

    def _owned_by(self, request: HttpRequest, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.filter(**{self.owner: request.user.pk}) if self.owner and self.own else rows.none()
