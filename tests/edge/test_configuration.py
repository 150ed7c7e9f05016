"""docs/CONFIGURATION.md: made of the settings, and complete; docs/README.md: an index without gaps."""

import re

import pytest

from apps.core import master_keys
from apps.gateway.config import COLUMNS
from freeai import configuration, env, values
from tests.documents import DOCS, codes, rows
from tests.edge.test_env import KNOWN

TEXT = (DOCS / "CONFIGURATION.md").read_text(encoding="utf-8")
DECLARED = dict(env.declared)


def test_it_says_what_the_code_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(env, "declared", DECLARED)

    assert configuration.written(TEXT) == TEXT, "run manage.py document_settings"


def test_every_variable_and_every_setting_is_in_it_once():
    named = [codes(row[0])[0] for row in rows(TEXT)]

    assert sorted(named) == sorted([*KNOWN, *COLUMNS])


@pytest.mark.parametrize(
    ("parse", "takes"),
    [
        (values.whole_number(1, 9), "a whole number from 1 to 9"),
        (values.one_of(["json", "console"]), "one of json, console"),
        (values.anything, "any text"),
        (master_keys.parse, "Fernet keys (32 bytes in url-safe base64), comma-separated"),
    ],
)
def test_what_a_variable_takes_is_told_as_its_refusal_tells_it(parse, takes: str):
    assert configuration.allowed(parse) == takes


def test_a_default_that_the_words_have_wrong_is_refused(monkeypatch: pytest.MonkeyPatch):
    wrong = DECLARED | {"FREEAI_PORT": env.Declared(9000, values.whole_number(0, 65_535))}
    monkeypatch.setattr(env, "declared", wrong)

    with pytest.raises(ValueError, match="says '8000' of FREEAI_PORT"):
        configuration.written(TEXT)


def test_a_variable_without_words_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(env, "declared", DECLARED)
    monkeypatch.setattr(configuration, "_rows", dict)

    with pytest.raises(ValueError, match="has no row"):
        configuration.written(TEXT)


def test_the_index_leads_to_every_document_and_nowhere_else():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    led = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", index)}

    assert {target for target in led if not (DOCS / target).exists()} == set()
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} <= led


@pytest.mark.parametrize(
    "document", sorted(path.name for path in DOCS.glob("[A-Z]*.md") if path.name != "README.md")
)
def test_sections_that_are_referred_to_are_there(document: str):
    """`§ 3.5` is of the same document, `OPERATIONS.md § 3.5` of that one."""
    text = (DOCS / document).read_text(encoding="utf-8")
    for name, number in re.findall(r"(?:\b([A-Z_]+)(?:\.md)?\)? )?§ (\d+(?:\.\d+)?)", text):
        referred = DOCS / f"{name}.md"
        if name and not referred.exists():
            continue  # a standard's
        there = referred.read_text(encoding="utf-8") if name else text
        assert re.search(rf"^#+ {re.escape(number)}[. ]", there, re.MULTILINE), f"{name} § {number}"
