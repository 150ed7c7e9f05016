"""The two tables of docs/PROVIDERS.md, made of the catalogue."""

import re
from collections.abc import Iterable, Sequence
from typing import get_args

from apps.core.json_types import JSONObject
from apps.providers.catalogue_files import ProviderEntry, Term
from apps.providers.presets import parse_preset
from apps.providers.types import Access, Capability, Task

PROVIDERS, NOTES = "The table", "What the numbers do not say"
"""The sections that hold the tables."""
HEADS: dict[str, tuple[str, ...]] = {
    PROVIDERS: ("Provider", "Free", "Limits", "Models", "Can do", "Terms", "Confirmed", "Key"),
    NOTES: ("Provider", ""),
}
IN_PROCESS = "sandbox:"
# What a chat may demand; the rest concerns other tasks, or nobody offers it for free.
FEATURES = [
    feature
    for feature in get_args(Capability)
    if feature not in ("audio_output", "dimensions", "segments", "words", "translation", "image_edits")
]
NEEDS: dict[Access, str] = {"free": "yes", "card": "needs a card", "prepaid": "needs credit"}
MICRO = 1_000_000

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
    counts = {task: sum(model.task == task for model in models) for task in get_args(Task)}
    listed = ", ".join(f"{count} {task}" for task, count in counts.items() if count)
    return (
        f"`{entry.name}`",
        _free(entry),
        _limits(entry),
        listed or ("-" if entry.requires_key else "your own"),
        ", ".join(feature for feature in FEATURES if feature in _features(entry)) or "-",
        " ".join(map(_term, entry.terms)) or "-",
        entry.confirmed or "-",
        f"[{entry.display_name}]({entry.key_url})" + ("" if entry.requires_key else ", no key"),
    )


def _term(term: Term) -> str:
    source = f"{term.source}, " if term.source else ""
    return f"{term.text} ({source}{term.seen.isoformat()})"


def _free(entry: ProviderEntry) -> str:
    if entry.retired:
        return f"ended on {entry.retired.on.isoformat()}"
    return NEEDS[entry.access] if entry.requires_key else "your own machine"


def _features(entry: ProviderEntry) -> set[Capability]:
    preset = parse_preset(entry.wire)
    return {
        feature
        for model in entry.models
        if model.enabled
        for feature in set(model.capabilities) - preset.for_model(model.name).incapable
    }


def _limits(entry: ProviderEntry) -> str:
    """Who counts what: the account, each model, a group of models; one sentence for each of them."""
    by_whom: dict[str, list[str]] = {}
    for limit in entry.limits:
        by_whom.setdefault(_whom(limit), []).append(_window(limit))
    for model in entry.models:
        if model.enabled and model.limits:
            by_whom[f"`{model.name}`"] = [_window(limit) for limit in model.limits]
    return "; ".join(f"{whom}: {', '.join(windows)}" for whom, windows in by_whom.items()) or "-"


def _whom(limit: JSONObject) -> str:
    models = " ".join(f"`{pattern}`" for pattern in limit.get("models", ()))
    if limit.get("each"):
        return f"each of {models}" if models else "each model"
    return f"all of {models}" if models else "the account"


def _window(limit: JSONObject) -> str:
    """As in "30 requests/minute (bucket)"; how it ends is left out where it is the clock of UTC."""
    if "unit" not in limit:
        return f"{limit['limit']:,} at a time"
    is_money = limit["metric"] == "money"
    amount = f"${limit['limit'] / MICRO:,g}" if is_money else f"{limit['limit']:,} {limit['metric']}"
    if limit["unit"] == "once":
        return f"{amount} once"
    end = _end(limit)
    return f"{amount}/{limit['unit']}" + (f" ({end})" if end else "")


def _end(limit: JSONObject) -> str:
    kind: str = limit.get("kind", "fixed")
    if kind != "fixed":
        return "from the first use" if kind == "first_use" else kind
    zone: str = limit.get("zone", "UTC")
    return "" if zone == "UTC" else zone
