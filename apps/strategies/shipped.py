"""Built-in strategies go back to the form that they were shipped in."""

from apps.strategies.models import Strategy


class NotBuiltinError(ValueError):
    """A custom strategy has no shipped form."""


def reset(row: Strategy) -> None:
    """Restore the definition; the description is the operator's own. Raises NotBuiltinError."""
    if not row.is_builtin:
        raise NotBuiltinError(row.name)
    row.definition = row.shipped
    row.save(update_fields=["definition", "updated_at"])
