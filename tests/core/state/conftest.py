"""Every test of the contract runs against each store: a further store is a further param."""

from collections.abc import Callable

import pytest
from msgspec import Struct

from apps.core.state.contract import StateStore
from apps.core.state.memory import MemoryStore

NewStore = Callable[[], StateStore]
Beside = Callable[[StateStore], StateStore]


class Kind(Struct, frozen=True):
    """A store under test. `new` makes empty ones that know nothing of each other; `beside` another process that counts where the
    given one does, which for the memory of a process is the process itself."""

    new: NewStore
    beside: Beside


@pytest.fixture(params=[pytest.param(Kind(MemoryStore, lambda store: store), id="memory")])
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


@pytest.fixture
def new_store(kind: Kind) -> NewStore:
    return kind.new


@pytest.fixture
def beside(kind: Kind) -> Beside:
    return kind.beside


@pytest.fixture
def store(new_store: NewStore) -> StateStore:
    return new_store()
