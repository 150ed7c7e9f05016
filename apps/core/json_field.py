"""The field for JSON of the admin site's forms: what `/api` refuses, it refuses."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from apps.core.strict_json import decode, refuse_halves


class StrictJSONField(forms.JSONField):
    """Django's fails over text that nests too deep, holds a number of a thousand digits, or half of a character."""

    def to_python(self, value: Any) -> Any:
        """Raises ValidationError."""
        if isinstance(value, str) and value not in self.empty_values and not self.disabled:
            try:
                decode(value.encode())
                refuse_halves(value)
            except ValueError as error:
                raise ValidationError(f"This is no JSON that can be kept: {error}.", code="invalid") from None
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What cannot be used is shown as it was typed."""
        if isinstance(data, str) and not self.disabled:
            try:
                decode(data.encode())
                refuse_halves(data)
            except ValueError:
                return InvalidJSONInput(data)
        return super().bound_data(data, initial)
