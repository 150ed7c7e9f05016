"""What a model's row should say: the catalogue's word, above it the list's, and the family's where neither has one. Pure."""

from collections.abc import Collection
from typing import Any, Final, cast

from msgspec import Struct

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.listing.families import Family, family_of
from apps.providers.listing.reading import Listed
from apps.providers.tasks import TASKS
from apps.providers.types import Task

DEFAULTS: Final[JSONObject] = {
    "task": "chat",
    "enabled": True,
    "capabilities": [],
    "context_window": 0,
    "max_output_tokens": None,
    "prompt_microusd": None,
    "completion_microusd": None,
    "tags": [],
    "access": "",
    "retires_at": None,
}
"""The columns that a list can move, with what they hold where nobody says anything."""


class Wanted(Struct, frozen=True):
    """What the list comes to, by column, and the columns among them that were inferred."""

    columns: JSONObject
    inferred: tuple[str, ...]


def wanted(
    listed: Listed, shipped: JSONObject, provider_access: str, tables: Collection[str] = ()
) -> Wanted | None:
    """None for a model that does nothing that is served. `shipped` is the catalogue's word, perhaps none; `tables` are
    the parts of its `[wire]`.

    The capabilities are missing where nobody knows anything of them; a model of which nobody says what it costs is not taken for free
    where others are paid for. A row that the catalogue disables is enabled by the list only if
    its name does not speak against it.
    """
    family = family_of(listed.name)
    task = _task(listed, family)
    if not shipped and not _is_served(task, tables):
        return None
    columns = {name: value for name, value in listed.columns.items() if name != "access"}
    inferred: JSONObject = {}
    facts = TASKS.get(cast(Task, shipped.get("task", task)))
    if facts is None or not facts.has_context:
        for column in ("context_window", "max_output_tokens"):
            columns.pop(column, None)
    unknown = "prepaid" if listed.is_unpriced and not shipped else None
    if access := listed.columns.get("access", unknown):
        columns["access"] = "" if access == provider_access else access
    if not shipped or task == shipped.get("task"):
        columns["enabled"] = True
    if not shipped:
        _add_unshipped(listed, family, task, columns, inferred)
    if listed.abilities:
        base = shipped.get("capabilities") or (list(family.capabilities) if family else [])
        columns["capabilities"] = _merged(base, listed.abilities)
    return Wanted(columns | inferred, tuple(sorted(inferred)))


def _is_served(task: str, tables: Collection[str]) -> bool:
    """Whether it is a task, and one that the provider has an endpoint for."""
    facts = TASKS.get(cast(Task, task))
    return facts is not None and facts.in_lists and (not facts.table or facts.table in tables)


def _add_unshipped(
    listed: Listed, family: Family | None, task: str, columns: JSONObject, inferred: JSONObject
) -> None:
    """Of a model that the catalogue does not have: its task, and what its family says of the rest."""
    (columns if listed.task else inferred)["task"] = task
    if family is None or family.task != task:
        return
    known: JSONObject = {
        "context_window": family.context_window,
        "max_output_tokens": family.max_output_tokens,
        "tags": list(family.tags),
    }
    inferred.update({name: value for name, value in known.items() if value and name not in columns})
    if not listed.abilities:
        inferred["capabilities"] = list(family.capabilities)


def _task(listed: Listed, family: Family | None) -> str:
    """A name that speaks against conversation is believed before a list, which may know nothing else; one that speaks for it is not."""
    by_name = family.task if family else ""
    if listed.task is None:
        return by_name or "chat"
    return by_name if listed.task in ("", "chat") and by_name not in ("", "chat") else listed.task


def _merged(base: JSONArray, told: dict[str, bool]) -> list[Any]:
    """The capabilities that are told or were known, less those that are denied."""
    kept = [name for name in base if told.get(name, True)]
    return kept + sorted(name for name, has in told.items() if has and name not in kept)
