"""A pytest plugin (`-p tests.providers.other_catalogue`): the shipped catalogue is the folder that the environment names. Cases of
providers that are shipped are left to the run around it."""

import os
from pathlib import Path

import pytest

from apps.providers import catalogue_files

SHIPPED = frozenset(path.stem for path in catalogue_files.FOLDER.glob("*.toml"))
catalogue_files.FOLDER = Path(os.environ["FREEAI_TEST_CATALOGUE"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect them."""
    known = {item for item in items if _is_of_a_shipped_one(item)}
    config.hook.pytest_deselected(items=known)
    items[:] = [item for item in items if item not in known]


def _is_of_a_shipped_one(item: pytest.Item) -> bool:
    _, _, parameters = item.name.partition("[")
    return not SHIPPED.isdisjoint(parameters.removesuffix("]").split("-"))
