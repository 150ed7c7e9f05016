"""Strategies in the admin: a definition is refused with the compiler's own words."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from apps.core.json_types import JSONObject
from apps.core.owned import OwnedAdmin
from apps.strategies.checking import check_definition, warnings_of
from apps.strategies.definition import DefinitionError
from apps.strategies.models import Strategy
from apps.strategies.naming import name_problem
from apps.strategies.shipped import reset

if TYPE_CHECKING:
    StrategyFormBase = forms.ModelForm[Strategy]
else:  # Django's classes are generic for the type checker only
    StrategyFormBase = forms.ModelForm


class StrategyForm(StrategyFormBase):
    """Checks and compiles what is saved."""

    class Meta:
        model = Strategy
        fields = ["name", "description", "definition"]

    def clean_name(self) -> str:
        """Raises ValidationError for a name that means something else."""
        name: str = self.cleaned_data["name"]
        if name != self.instance.name and (problem := name_problem(name)):
            raise forms.ValidationError(problem)
        return name

    def clean_definition(self) -> JSONObject:
        """The definition as it was given. Raises ValidationError with clause and column."""
        try:
            return check_definition(self.cleaned_data["definition"]).definition.raw
        except DefinitionError as error:
            raise forms.ValidationError(_words(error)) from error


@admin.register(Strategy)
class StrategyAdmin(OwnedAdmin):
    """Edit every strategy, add and delete custom ones, reset built-in ones."""

    form = StrategyForm
    list_display = ["name", "description", "is_builtin", "edited", "updated_at"]
    list_filter = ["is_builtin"]
    search_fields = ["name", "description"]
    actions = ["reset_to_shipped"]

    def get_readonly_fields(self, request: HttpRequest, obj: Strategy | None = None) -> tuple[str, ...]:
        """The name of a built-in is what the virtual models select."""
        return ("name",) if obj and obj.is_builtin else ()

    def has_delete_permission(self, request: HttpRequest, obj: Strategy | None = None) -> bool:
        """Built-ins stay."""
        return super().has_delete_permission(request, obj) and not (obj and obj.is_builtin)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Built-ins stay, chosen among others too."""
        deletable, counts, missing, protected = super().get_deleted_objects(objs, request)
        return deletable, counts, missing, [*protected, *(str(row) for row in objs if row.is_builtin)]

    def save_model(
        self, request: HttpRequest, obj: Strategy, form: "ModelForm[Strategy]", change: bool
    ) -> None:
        """Save, and say what in the definition has no effect."""
        super().save_model(request, obj, form, change)
        for warning in warnings_of(obj.definition):
            messages.warning(request, _words(warning))

    @admin.display(boolean=True, description="Edited")
    def edited(self, row: Strategy) -> bool:
        """Whether a built-in differs from its shipped form."""
        return row.is_builtin and row.definition != row.shipped

    @admin.action(description="Reset to shipped definition", permissions=["change"])
    def reset_to_shipped(self, request: HttpRequest, rows: QuerySet[Strategy]) -> None:
        """Built-ins among the selected go back to their shipped definition."""
        with transaction.atomic():
            builtin = list(rows.select_for_update().filter(is_builtin=True))
            for row in builtin:
                reset(row)
                self.log_change(request, row, "Reset to shipped definition.")
        messages.success(request, f"Reset {len(builtin)} built-in strategies.")
        if custom := rows.filter(is_builtin=False).count():
            messages.warning(request, f"{custom} custom strategies have no shipped definition.")


def _words(error: DefinitionError) -> str:
    return f"{error.clause}, column {error.position}: {error.message}"
