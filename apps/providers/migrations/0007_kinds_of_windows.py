"""A window says how it runs by its kind; `rolling` was the only one that had a word."""

from typing import Any

from django.db import migrations
from django.db.migrations.state import StateApps


def in_words_of_today(limits: Any) -> Any:
    """What is no list of windows stays as it is, for the operator to see."""
    if not isinstance(limits, list):
        return limits
    return [_kind_for_rolling(limit) if isinstance(limit, dict) else limit for limit in limits]


def in_former_words(limits: Any) -> Any:
    """Buckets and windows from their first use come nearest to rolling ones."""
    if not isinstance(limits, list):
        return limits
    return [_rolling_for_kind(limit) if isinstance(limit, dict) else limit for limit in limits]


def _kind_for_rolling(limit: dict[str, Any]) -> dict[str, Any]:
    if "rolling" not in limit:
        return limit
    rest = {name: value for name, value in limit.items() if name != "rolling"}
    if limit["rolling"] is not True:
        return rest
    rest.pop("zone", None)  # meant nothing beside it
    return {**rest, "kind": "rolling"}


def _rolling_for_kind(limit: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in limit.items() if name != "kind"}
    return rest if limit.get("kind", "fixed") == "fixed" else {**rest, "rolling": True}


def forwards(apps: StateApps, _editor: object) -> None:
    _rewrite(apps, in_words_of_today)


def backwards(apps: StateApps, _editor: object) -> None:
    _rewrite(apps, in_former_words)


def _rewrite(apps: StateApps, words: Any) -> None:
    """Of rows that changed only, edits and what was shipped alike: neither looks edited afterwards where it did not before."""
    for name in ("Provider", "ProviderModel"):
        model = apps.get_model("providers", name)
        for row in model._default_manager.all().iterator():
            limits = words(row.limits)
            shipped = row.shipped
            if isinstance(shipped, dict) and "limits" in shipped:
                shipped = {**shipped, "limits": words(shipped["limits"])}
            if (limits, shipped) != (row.limits, row.shipped):
                row.limits, row.shipped = limits, shipped
                row.save(update_fields=["limits", "shipped"])


class Migration(migrations.Migration):
    dependencies = [("providers", "0006_what_a_catalogue_learns")]
    operations = [migrations.RunPython(forwards, backwards)]
