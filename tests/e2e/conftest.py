from collections.abc import Iterator
from pathlib import Path

import pytest

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
