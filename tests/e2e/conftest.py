from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeUpstream
from tests.e2e import server
from tests.e2e.server import Server
from tests.providers.probed import running


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
    with running(FakeUpstream) as fake:
        yield fake
