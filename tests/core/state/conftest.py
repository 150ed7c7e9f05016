"""Every test of the contract runs against each store: a further store is a further param."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec import Struct

from apps.core.state.contract import StateStore
from apps.core.state.memory import MemoryStore
from apps.core.state.redis.store import RedisStore
from tests.redis_server import REDIS_URL, forget, needs_redis, new_prefix

PATIENCE_S = 600
"""Thousands of round trips, on a machine that may have much else to do."""
NewStore = Callable[[], StateStore]
Beside = Callable[[StateStore], StateStore]


class Kind(Struct, frozen=True):
    """A store under test. `new` makes empty ones that know nothing of each other; `beside` another process that counts where the
    given one does, which for the memory of a process is the process itself."""

    new: NewStore
    beside: Beside


class Fleets:
    """Makes stores in Redis, a prefix for each, and knows them all."""

    def __init__(self) -> None:
        self.made: dict[int, tuple[RedisStore, str]] = {}

    def new(self, prefix: str = "") -> RedisStore:
        prefix = prefix or new_prefix()
        store = RedisStore(REDIS_URL, prefix=prefix, deadline_s=10.0, fresh_s=0.0, gather_s=0.0)
        self.made[id(store)] = (store, prefix)
        return store

    def beside(self, store: StateStore) -> RedisStore:
        return self.new(self.made[id(store)][1])

    async def aclose(self) -> None:
        await asyncio.gather(*(store.aclose() for store, _ in self.made.values()))
        if self.made:
            await asyncio.to_thread(forget)


@pytest.fixture(
    params=[
        pytest.param("memory"),
        pytest.param("redis", marks=[pytest.mark.redis, pytest.mark.timeout(PATIENCE_S), needs_redis]),
    ]
)
async def kind(request: pytest.FixtureRequest) -> AsyncIterator[Kind]:
    if request.param == "memory":
        yield Kind(MemoryStore, lambda store: store)
        return
    fleets = Fleets()
    yield Kind(fleets.new, fleets.beside)
    await fleets.aclose()


@pytest.fixture
def new_store(kind: Kind) -> NewStore:
    return kind.new


@pytest.fixture
def beside(kind: Kind) -> Beside:
    return kind.beside


@pytest.fixture
def store(new_store: NewStore) -> StateStore:
    return new_store()
