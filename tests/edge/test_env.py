"""Reading: defaults, refusals, and secrets from files. Nothing is raised, nothing is written."""

import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("text", [None, "", "   "])
def test_unset_and_empty_are_the_default(text: str | None, monkeypatch, refused):
    if text is not None:
        monkeypatch.setenv("FREEAI_X", text)

    assert env.read("FREEAI_X", 7, values.whole_number(0, 9)) == 7
    assert refused == {}


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


def test_a_secret_file_that_is_wrong_is_named(tmp_path: Path, refused):
    wrong = tmp_path / "master_keys"
    sentences = []
    for make in (
        lambda: wrong.mkdir(),
        lambda: (wrong.rmdir(), wrong.touch()),
        lambda: wrong.write_bytes(b"\xff\xfe"),
        lambda: wrong.write_text("not a key"),
    ):
        make()
        assert env.secret("FREEAI_MASTER_KEYS", wrong, [], values.master_keys) == []
        sentences.append(refused.pop("FREEAI_MASTER_KEYS"))

    beginnings = ["FREEAI_MASTER_KEYS is not set, and", "FREEAI_MASTER_KEYS (from"]
    assert all(sentence.startswith(tuple(beginnings)) and str(wrong) in sentence for sentence in sentences)
    assert ["directory" in sentences[0], "empty" in sentences[1], "not text" in sentences[2]] == [True] * 3
    assert "not a key" not in sentences[3]


def test_the_table_of_operations_names_every_variable():
    section = OPERATIONS.read_text().split("## 2. Settings")[1].split("\n## ")[0]

    documented = set(re.findall(r"^\| `(FREEAI_[A-Z_]+)` \|", section, re.MULTILINE))

    assert documented == KNOWN
