"""Strategies in the admin: a definition is refused with the compiler's own words."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.strategies.definition import DefinitionError, parse_definition
from apps.strategies.models import Strategy


class StrategyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks and compiles what is saved."""

    class Meta:
        model = Strategy
        fields = ["name", "description", "definition"]

    def clean_definition(self) -> Any:
        """The definition as it was given. Raises ValidationError with clause and column."""
        raw = self.cleaned_data["definition"]
        try:
            parse_definition(raw)
        except DefinitionError as error:
            raise forms.ValidationError(
                f"{error.clause}, column {error.position}: {error.message}"
            ) from error
        return raw


@admin.register(Strategy)
class StrategyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = StrategyForm
    list_display = ["name", "description", "is_builtin", "updated_at"]
    list_filter = ["is_builtin"]
    search_fields = ["name", "description"]

    def get_readonly_fields(self, request: HttpRequest, obj: Strategy | None = None) -> tuple[str, ...]:
        return ("name",) if obj and obj.is_builtin else ()

    def has_delete_permission(self, request: HttpRequest, obj: Strategy | None = None) -> bool:
        """Built-ins stay."""
        return super().has_delete_permission(request, obj) and not (obj and obj.is_builtin)
