"""The file of master keys may change while a process runs."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from apps.core import crypto, master_keys

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def file(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a running process, which has read the old key from it."""
    file = tmp_path / "master_keys"
    file.write_text(f"{OLD}\n")
    settings.FREEAI_MASTER_KEYS, settings.FREEAI_MASTER_KEYS_FILE = [OLD], file
    monkeypatch.setattr(master_keys, "_file", master_keys._File())
    return file


def test_a_new_key_encrypts_at_once_and_the_old_one_still_decrypts(file: Path):
    before = crypto.encrypt("gsk_1")

    file.write_text(f"{NEW}, {OLD}")

    assert Fernet(NEW).decrypt(crypto.encrypt("gsk_2")) == b"gsk_2"
    assert crypto.decrypt(before) == "gsk_1"
    assert (crypto.is_current(before), crypto.is_current(crypto.rotate(before))) == (False, True)


def test_a_key_that_is_taken_out_is_not_used_any_more(file: Path):
    before = crypto.encrypt("gsk_1")

    file.write_text(NEW)

    with pytest.raises(crypto.WrongMasterKeyError):
        crypto.decrypt(before)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "hunter2", f"{NEW}, hunter2", None],
    ids=["empty", "blank", "no key", "one of two", "gone"],
)
def test_what_cannot_be_used_changes_nothing_and_is_told_once(file: Path, text: str | None, capsys):
    before = crypto.encrypt("gsk_1")

    file.unlink() if text is None else file.write_text(text)

    assert [crypto.decrypt(before) for _ in range(3)] == ["gsk_1"] * 3
    told = capsys.readouterr()
    assert (told.out + told.err).count("master_keys.unreadable") == 1
    assert "hunter2" not in told.out + told.err


def test_keys_of_the_environment_are_no_matter_of_the_file(file: Path, settings):
    settings.FREEAI_MASTER_KEYS_FILE = None

    file.write_text(NEW)

    assert master_keys.current() == [OLD]
