"""The two tables of docs/PROVIDERS.md, made of the catalogue."""

import re
from collections.abc import Iterable, Sequence
from typing import get_args

from apps.core.json_types import JSONObject
from apps.providers.catalogue_files import ProviderEntry
from apps.providers.presets import parse_preset
from apps.providers.types import Capability, Task

PROVIDERS, NOTES = "The table", "What the numbers do not say"
"""The sections that hold the tables."""
HEADS: dict[str, tuple[str, ...]] = {
    PROVIDERS: (
        *("Provider", "Free limits of the account", "of a single model"),
        *("Windows", "Models", "Can do", "Key"),
    ),
    NOTES: ("Provider", ""),
}
IN_PROCESS = "sandbox:"
# What a chat may demand; the rest concerns other tasks, or nobody offers it for free.
FEATURES = [
    feature
    for feature in get_args(Capability)
    if feature not in ("audio_output", "dimensions", "segments", "words")
]

Rows = dict[str, tuple[str, ...]]


def tables(entries: Iterable[ProviderEntry]) -> dict[str, Rows]:
    """The rows of each section's table by provider, in their order. What answers inside the process is no provider there."""
    shown = (entry for entry in entries if not entry.base_url.startswith(IN_PROCESS))
    listed = sorted(shown, key=lambda entry: entry.name)
    return {
        PROVIDERS: {entry.name: _facts(entry) for entry in listed},
        NOTES: {entry.name: (f"`{entry.name}`", entry.notes) for entry in listed if entry.notes},
    }


def written(document: str, entries: Iterable[ProviderEntry]) -> str:
    """`document` with both tables as the catalogue has them. Raises ValueError where a section is missing."""
    for title, rows in tables(entries).items():
        head = HEADS[title]
        lines = [_line(head), "|" + "---|" * len(head), *map(_line, rows.values())]
        document = _with_table(document, title, "\n".join(lines) + "\n")
    return document


def _with_table(document: str, title: str, table: str) -> str:
    """`document` with this table in place of the one in the section, or at its end."""
    section = re.search(rf"^## {re.escape(title)}\n(?:(?!\||## ).*\n)*", document, re.MULTILINE)
    if section is None:
        raise ValueError(f"there is no section {title!r}")
    rest = re.sub(r"\A(?:\|.*\n)*", "", document[section.end() :])
    return document[: section.end()] + table + rest


def _line(cells: Sequence[str]) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _facts(entry: ProviderEntry) -> tuple[str, ...]:
    models = [model for model in entry.models if model.enabled]
    of_models = [limit for model in models for limit in model.limits]
    counts = {task: sum(model.task == task for model in models) for task in get_args(Task)}
    return (
        f"`{entry.name}`",
        _listed(f"{limit['limit']:,} {limit['metric']}/{limit['unit']}" for limit in entry.limits),
        _listed(f"{_between(numbers)} {span}" for span, numbers in sorted(_by_span(of_models).items())),
        _listed(sorted({_end(limit) for limit in [*entry.limits, *of_models]}, reverse=True)),
        ", ".join(f"{count} {task}" for task, count in counts.items() if count) or "your own",
        _listed(feature for feature in FEATURES if feature in _features(entry)),
        f"[{entry.display_name}]({entry.key_url})" + ("" if entry.requires_key else ", no key"),
    )


def _features(entry: ProviderEntry) -> set[Capability]:
    preset = parse_preset(entry.wire)
    return {
        feature
        for model in entry.models
        if model.enabled
        for feature in set(model.capabilities) - preset.for_model(model.name).incapable
    }


def _by_span(limits: Iterable[JSONObject]) -> dict[str, list[int]]:
    """{"requests/day": [limit, …]}."""
    spans: dict[str, list[int]] = {}
    for limit in limits:
        spans.setdefault(f"{limit['metric']}/{limit['unit']}", []).append(limit["limit"])
    return spans


def _between(numbers: Sequence[int]) -> str:
    low, high = f"{min(numbers):,}", f"{max(numbers):,}"
    return low if low == high else f"{low} to {high}"


def _end(limit: JSONObject) -> str:
    """How a window ends: it rolls, or ends on the clock of a zone."""
    return "rolling" if limit.get("rolling") else f"clock of {limit.get('zone', 'UTC')}"


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items) or "-"
