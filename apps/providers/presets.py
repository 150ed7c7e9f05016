"""Reading `wire` tables (the catalogue's, and those of custom providers) into presets."""

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any, get_args

import msgspec

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.vocabulary import Vocabulary
from apps.providers.types import Capability, Preset, Variant

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# What cannot differ between the models of a provider.
WHOLE = frozenset(
    {"wire", "settings", "settings_env", "key_prefixes", "order", "variants", "listing", "account"}
)
SETTING_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# A value becomes part of a URL: it must not be able to lead anywhere else.
SETTING_VALUE = re.compile(r"[A-Za-z0-9_-]{1,100}")


class PresetError(ValueError):
    """A `wire` table that cannot be used. The message names the field."""


def parse_preset(raw: Any) -> Preset:
    """The preset that a `wire` table describes; an empty table is plain OpenAI. Raises PresetError.

    `variants` is a list of tables: `models`, a list of shell patterns, and the fields that differ for them.
    """
    if not isinstance(raw, dict):
        raise PresetError("wire: must be a table")
    table = {name: value for name, value in raw.items() if name != "variants"}
    preset = _convert(table, "wire")
    for name in preset.settings:
        if not SETTING_NAME.fullmatch(name):
            raise PresetError(f"wire.settings: {name!r} is no lower-case name")
    if unknown := sorted(preset.settings_env.keys() - set(preset.settings)):
        raise PresetError(f"wire.settings_env: {unknown[0]!r} is not in wire.settings")
    if not (variants := raw.get("variants")):
        return preset
    if not isinstance(variants, list):
        raise PresetError("wire.variants: must be a list of tables")
    read = (_variant(item, table, f"wire.variants[{index}]") for index, item in enumerate(variants))
    return msgspec.structs.replace(preset, variants=tuple(read))


def _variant(raw: Any, base: JSONObject, path: str) -> Variant:
    if not isinstance(raw, dict):
        raise PresetError(f"{path}: must be a table")
    models = raw.get("models")
    if not isinstance(models, list) or not models or not all(isinstance(name, str) for name in models):
        raise PresetError(f"{path}.models: must be a list of patterns")
    fields = {name: value for name, value in raw.items() if name != "models"}
    if shared := WHOLE & fields.keys():
        raise PresetError(f"{path}.{min(shared)}: belongs to the whole provider")
    return Variant(tuple(models), _convert(base | fields, path))


def _convert(table: JSONObject, path: str) -> Preset:
    if unknown := sorted(set(table) - set(Preset.__struct_fields__)):
        raise PresetError(f"{path}.{unknown[0]}: unknown field")
    try:
        preset = msgspec.convert(table, Preset)
    except msgspec.ValidationError as error:
        raise PresetError(f"{path}: {error}") from error
    try:
        preset.compiled(Vocabulary)
    except ValueError as error:
        raise PresetError(f"{path}.{error}") from error
    for abilities in preset.listing.abilities:
        if unknown := sorted({*chain.from_iterable(abilities.words.values())} - {*get_args(Capability)}):
            raise PresetError(f"{path}.listing.abilities: {unknown[0]!r} is no capability")
    return preset


def undeclared_settings(base_url: str, preset: Preset) -> list[str]:
    """Names in braces in `base_url` that the preset does not declare as settings."""
    return [name for name in PLACEHOLDER.findall(base_url) if name not in preset.settings]


def usable_settings(preset: Preset, raw: Any) -> dict[str, str]:
    """Of `raw`, a credential's settings as they are stored: the declared ones with a value that can stand in a URL."""
    held = raw if isinstance(raw, dict) else {}
    return {name: held[name] for name in preset.settings if is_setting(held.get(name))}


def is_setting(value: Any) -> bool:
    """Whether `value` can stand in a URL: letters, digits, `-` and `_`, at most 100."""
    return isinstance(value, str) and SETTING_VALUE.fullmatch(value) is not None


def fill_base_url(base_url: str, settings: Mapping[str, str]) -> str:
    """`base_url` with each `{name}` that `settings` has replaced by its value."""
    return PLACEHOLDER.sub(lambda found: settings.get(found[1], found[0]), base_url)
