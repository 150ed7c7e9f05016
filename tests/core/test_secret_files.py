"""Secrets are made once, by set-up, for whoever comes first."""

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from apps.core import crypto, secret_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of an installation that has no secrets yet."""
    monkeypatch.setattr(settings, "FREEAI_SECRETS_DIR", tmp_path / "secrets")
    monkeypatch.setattr(settings, "SECRET_KEY", "")
    monkeypatch.setattr(settings, "FREEAI_MASTER_KEYS", [])
    return tmp_path / "secrets"


def test_what_is_missing_is_made_and_used_at_once(folder: Path):
    assert not secret_files.are_there()

    secret_files.ensure()

    assert secret_files.are_there()
    assert (folder / "secret_key").read_text().strip() == settings.SECRET_KEY
    assert [(folder / "master_keys").read_text().strip()] == settings.FREEAI_MASTER_KEYS
    assert crypto.decrypt(crypto.encrypt("gsk_1")) == "gsk_1"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 2


def test_what_is_there_stays(folder: Path):
    settings.SECRET_KEY = "from the environment"
    settings.FREEAI_MASTER_KEYS = keys = [Fernet.generate_key().decode()]

    secret_files.ensure()

    assert ("from the environment", keys) == (settings.SECRET_KEY, settings.FREEAI_MASTER_KEYS)
    assert not folder.exists()


def test_whoever_comes_second_takes_over_what_the_first_made(folder: Path):
    secret_files.ensure()
    first = settings.SECRET_KEY, settings.FREEAI_MASTER_KEYS
    settings.SECRET_KEY, settings.FREEAI_MASTER_KEYS = "", []

    secret_files.ensure()

    assert first == (settings.SECRET_KEY, settings.FREEAI_MASTER_KEYS)


def test_many_at_once_get_the_same(folder: Path):
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        made = set(pool.map(_made, [folder] * 12))

    assert len(made) == 1
    assert {path.name for path in folder.iterdir()} == {"secret_key", "master_keys"}


def _made(folder: Path) -> tuple[str, ...]:
    settings.FREEAI_SECRETS_DIR, settings.SECRET_KEY, settings.FREEAI_MASTER_KEYS = folder, "", []
    secret_files.ensure()
    return settings.SECRET_KEY, *settings.FREEAI_MASTER_KEYS
