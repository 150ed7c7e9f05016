"""A Redis that can be killed, and a fleet on it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.core.fleet.servers import Server, running
from tests.core.fleet.stores import Fleet


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
async def fleet(server: Server) -> AsyncIterator[Fleet]:
    made = Fleet(server.url)
    yield made
    await asyncio.gather(*(store.aclose() for store in made.stores))
