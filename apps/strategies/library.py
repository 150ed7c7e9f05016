"""The strategies in memory: compiled once, read on every request. Built-ins are data in `builtin/`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import force_setattr

from apps.core.json_types import JSONObject
from apps.core.snapshot import Section
from apps.strategies.definition import Definition, DefinitionError, parse_definition
from apps.strategies.profiles import NO_RULES, Lens

log = structlog.get_logger("freeai.strategies")

BUILTIN_FILE: Final = Path(__file__).parent / "builtin" / "strategies.toml"

TEXT_FIELDS: Final = frozenset({"request.language", "request.intent"})
"""What only reading the request's text tells. It is read for the strategies whose rules use one of them, and for `auto`."""


class LoadedStrategy(Struct, frozen=True):
    """A strategy, ready to rank by. `lens` is its definition, compiled; `reads_text`: its rules use one of TEXT_FIELDS. Both follow from
    the definition."""

    name: str
    description: str
    definition: Definition
    lens: Lens = NO_RULES
    reads_text: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "lens", Lens(self.definition))
        force_setattr(self, "reads_text", _reads_text(self.definition))


def _reads_text(definition: Definition) -> bool:
    conditions = [clause.condition for clause in definition.require]
    conditions += [clause.condition for clause in definition.prefer]
    return any(field.name in TEXT_FIELDS for condition in conditions for field in condition.fields)


Library = Mapping[str, LoadedStrategy]


def builtins() -> list[JSONObject]:
    """The shipped strategies: name, description, definition. Source: builtin/strategies.toml."""
    shipped = tomllib.loads(BUILTIN_FILE.read_text())
    return [{"name": name, **entry} for name, entry in shipped.items()]


def _load(previous: Library | None) -> Library:
    """Compile what changed. A definition that no longer parses keeps its last good form, or is left out."""
    from apps.strategies.models import Strategy

    library: dict[str, LoadedStrategy] = {}
    for row in Strategy.objects.all():
        known = previous.get(row.name) if previous else None
        if (
            known is not None
            and known.definition.raw == row.definition
            and known.description == row.description
        ):
            library[row.name] = known
            continue
        try:
            library[row.name] = LoadedStrategy(row.name, row.description, parse_definition(row.definition))
        except DefinitionError as error:
            log.error("strategy.refused", strategy=row.name, clause=error.clause, reason=error.message)
            if known is not None:
                library[row.name] = known
    return library


STRATEGIES: Section[Library] = Section("strategies", _load)


def install_builtins() -> int:
    """Add missing built-ins and bring untouched ones up to date; an operator's edits stay. Returns how many rows changed."""
    from apps.strategies.models import Strategy

    rows = {row.name: row for row in Strategy.objects.filter(is_builtin=True)}
    changed = 0
    for entry in builtins():
        row = rows.get(entry["name"])
        if row is None:
            Strategy.objects.update_or_create(
                name=entry["name"],
                defaults={**entry, "is_builtin": True, "shipped": entry["definition"]},
            )
            changed += 1
        elif row.shipped != entry["definition"]:
            if row.definition == row.shipped:
                row.definition = entry["definition"]
            row.shipped, row.description = entry["definition"], entry["description"]
            row.save()
            changed += 1
    return changed
