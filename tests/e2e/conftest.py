import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeUpstream
from tests.e2e import server
from tests.e2e.server import Server


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway without any provider key, without Celery."""
    running = server.start(tmp_path_factory.mktemp("serve"), "--no-tasks")
    yield running
    running.stop()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    """Fake providers in a thread of their own."""
    loop = asyncio.new_event_loop()
    fake = FakeUpstream()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(fake.start(), loop).result(10)
    yield fake
    asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
