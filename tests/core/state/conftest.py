"""Every test of the contract runs against each store: a further store is a further param."""

from collections.abc import Callable

import pytest

from apps.core.state.contract import StateStore
from apps.core.state.memory import MemoryStore

NewStore = Callable[[], StateStore]


@pytest.fixture(params=[pytest.param(MemoryStore, id="memory")])
def new_store(request: pytest.FixtureRequest) -> NewStore:
    """Makes empty stores that know nothing of each other."""
    make: NewStore = request.param
    return make


@pytest.fixture
def store(new_store: NewStore) -> StateStore:
    return new_store()
