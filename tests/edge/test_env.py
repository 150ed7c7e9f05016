"""Reading: defaults, refusals, and secrets from files. Nothing is raised, nothing is written."""

import re
from pathlib import Path

import pytest

from apps.core import master_keys
from freeai import env, values

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "OPERATIONS.md"


KNOWN = frozenset(env.known)


@pytest.fixture(autouse=True)
def refused(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Empty at first, and the process's own again afterwards."""
    noted: dict[str, str] = {}
    monkeypatch.setattr(env, "refused", noted)
    monkeypatch.setattr(env, "known", set())
    monkeypatch.delenv("FREEAI_MASTER_KEYS")
    return noted


@pytest.mark.parametrize("text", [None, ""])
def test_unset_and_empty_are_the_default(text: str | None, monkeypatch, refused):
    if text is not None:
        monkeypatch.setenv("FREEAI_X", text)

    assert env.read("FREEAI_X", 7, values.whole_number(0, 9)) == 7
    assert refused == {}


def test_blanks_alone_are_no_value(monkeypatch, refused, tmp_path: Path):
    monkeypatch.setenv("FREEAI_X", "   ")
    monkeypatch.setenv("FREEAI_Y", "\t")

    assert env.read("FREEAI_X", "", values.token(16)) == ""
    assert env.secret("FREEAI_Y", tmp_path / "y", "", values.secret_key) == ""
    assert {name: text.split(":")[0] for name, text in refused.items()} == {
        "FREEAI_X": "FREEAI_X must not be blank",
        "FREEAI_Y": "FREEAI_Y must not be blank",
    }


def test_a_refused_value_is_noted_and_the_default_stands_in(monkeypatch, refused):
    monkeypatch.setenv("FREEAI_X", "ten")

    assert env.read("FREEAI_X", 7, values.whole_number(0, 9)) == 7
    assert refused == {"FREEAI_X": "FREEAI_X must be a whole number from 0 to 9; it is 'ten'."}


def test_a_secret_comes_from_the_variable_before_the_file(monkeypatch, tmp_path: Path):
    (tmp_path / "x").write_text("of the file\n")

    from_file = env.secret("FREEAI_X", tmp_path / "x", "", values.anything)
    monkeypatch.setenv("FREEAI_X", "of the variable")

    assert from_file == "of the file"
    assert env.secret("FREEAI_X", tmp_path / "x", "", values.anything) == "of the variable"


@pytest.mark.parametrize("missing", ["x", "no/such/x", "file/x"])
def test_a_secret_that_is_not_there_is_no_error_and_is_not_made(missing: str, tmp_path: Path, refused):
    (tmp_path / "file").touch()

    assert env.secret("FREEAI_X", tmp_path / missing, "", values.anything) == ""
    assert refused == {}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "directory"), (b"", "empty"), (b"\xff\xfe", "not text"), (b"not a key", "must be Fernet keys")],
)
def test_a_secret_file_that_is_wrong_is_named(content: bytes | None, reason: str, tmp_path: Path, refused):
    wrong = tmp_path / "master_keys"
    nothing: list[str] = []
    if content is None:
        wrong.mkdir()
    else:
        wrong.write_bytes(content)

    assert env.secret("FREEAI_MASTER_KEYS", wrong, nothing, master_keys.parse) == []

    sentence = refused["FREEAI_MASTER_KEYS"]
    assert sentence.startswith("FREEAI_MASTER_KEYS ")
    assert reason in sentence
    assert str(wrong) in sentence
    assert "not a key" not in sentence


def test_the_table_of_operations_names_every_variable():
    section = OPERATIONS.read_text().split("## 2. Settings")[1].split("\n## ")[0]

    documented = set(re.findall(r"^\| `(FREEAI_[A-Z_]+)` \|", section, re.MULTILINE))

    assert documented == KNOWN
