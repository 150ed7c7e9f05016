"""Reading `wire` tables (the catalogue's, and those of custom providers) into presets."""

from typing import Any

import msgspec

from apps.providers.types import Preset


class PresetError(ValueError):
    """A `wire` table that cannot be used. The message names the field."""


def parse_preset(raw: Any) -> Preset:
    """The preset that a `wire` table describes; an empty table is plain OpenAI. Raises PresetError."""
    if not isinstance(raw, dict):
        raise PresetError("wire: must be a table")
    if unknown := sorted(set(raw) - set(Preset.__struct_fields__)):
        raise PresetError(f"wire.{unknown[0]}: unknown field")
    try:
        return msgspec.convert(raw, Preset)
    except msgspec.ValidationError as error:
        raise PresetError(f"wire: {error}") from error
