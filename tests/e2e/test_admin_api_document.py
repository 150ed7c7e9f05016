"""docs/ADMIN_API.md does what it says: its examples are executed, in their order, each with what the answers before it told."""

import json
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.documents import Document
from tests.e2e.examples import ADDRESS, ANSWERS, CHECKS, run_curl
from tests.e2e.server import Server

BLOCKS = Document("ADMIN_API.md").blocks()


def test_every_block_is_a_command_or_its_answer():
    answers = [at for at, block in enumerate(BLOCKS) if block.language != "sh"]

    assert {BLOCKS[at].language for at in answers} <= ANSWERS
    assert all(BLOCKS[at - 1].language == "sh" for at in answers)


def test_examples_do_what_they_say(serving: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FREEAI_ADMIN", serving.admin_token)
    made = serving.api("POST", "users", json={"username": "ada", "password": "correct horse battery"})
    assert made.status_code == 201, made.text

    for command, answer in zip_longest(BLOCKS, BLOCKS[1:]):
        if command.language != "sh":
            continue
        output = run_curl(command.text.replace(ADDRESS, serving.url))
        if answer is not None and answer.language in ANSWERS and answer.title == command.title:
            CHECKS[answer.language](answer.text, output)
        for name, value in told(output).items():
            monkeypatch.setenv(name.upper(), value)


def told(output: str) -> dict[str, str]:
    """What later examples take from an answer: the tokens of a sign-in, the hash of a key."""
    if not output.startswith("{"):
        return {}
    answer = json.loads(output)
    names = ("access", "refresh") if "refresh" in answer else ("key_hash",)
    return {name: answer[name] for name in names if name in answer}
