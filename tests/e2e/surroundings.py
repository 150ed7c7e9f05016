"""Where a process of FreeAI runs in the tests, and what it finds in its environment."""

import os
from functools import cache
from pathlib import Path

from apps.providers.catalogue_files import read_catalogue
from benchmarks.absent import without_the_absent

ROOT = Path(__file__).resolve().parents[2]


def clean_env() -> dict[str, str]:
    """Ours, without what configures FreeAI or Django, and without providers' keys."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FREEAI_", "DJANGO_")) and name not in _of_providers()
    }
    return without_the_absent(ours)


@cache
def _of_providers() -> frozenset[str]:
    return frozenset(name for entry in read_catalogue() for name in entry.key_env)
