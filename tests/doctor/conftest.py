from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freeai.doctor import examining
from freeai.doctor.findings import Finding

Examine = Callable[[str], list[Finding]]


@pytest.fixture
def examine() -> Examine:
    """The findings of one check."""
    return lambda name: [finding for _, finding in examining.examine([name])]


@pytest.fixture
def data_dir(tmp_path: Path, settings: Any) -> Path:
    """A data directory of the test's own, as set-up makes it."""
    folder = tmp_path / "data"
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    (folder / "spool").mkdir()
    settings.DATA_DIR = folder
    settings.FREEAI_SECRETS_DIR = folder / "secrets"
    settings.MASTER_KEYS_FILE = folder / "secrets" / "master_keys"
    settings.FREEAI_SPOOL_DIR = folder / "spool"
    settings.BROKER_DIR = folder / "broker"
    return folder
