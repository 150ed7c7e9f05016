"""docs/API.md does what it says: its examples are executed, and of docs/CLIENTS.md those that need nothing else installed.

The tables: tests/gateway/test_api_document.py.
"""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeUpstream
from tests.documents import ANY, Block, Document, assert_alike
from tests.e2e import server
from tests.e2e.server import Server
from tests.gateway.audio import SAMPLES

BLOCKS = Document("API.md").blocks()
SET_UPS = Document("CLIENTS.md").blocks()
ADDRESS = "http://127.0.0.1:8000"
ANSWERS = {"json", "text", "http", "sse"}
COMMANDS = {"sh", "python"}
SETUP = next(block for block in BLOCKS if block.language == "python")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    """Groq before Gemini before Mistral, all fakes; one page may call."""
    running = server.start(
        tmp_path_factory.mktemp("serve"), "--no-tasks", FREEAI_CORS_ORIGINS="http://localhost:3000"
    )
    unlimited = {"requests": {"second": 0, "minute": 0}}
    for name, weight in (("groq", 9), ("gemini", 5), ("mistral", 1)):
        moved = running.api("PATCH", f"providers/{name}", json={"base_url": upstream.url(name)})
        assert moved.status_code == 200, moved.text
        stored = {"api_key": f"key-of-{name}-0123456789", "weight": weight, "limits": unlimited}
        keyed = running.api("PATCH", f"me/providers/{name}", json=stored)
        assert keyed.status_code == 200, keyed.text
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the examples run: with a file to transcribe."""
    (tmp_path / "speech.wav").write_bytes(SAMPLES["wav"])
    return tmp_path


def examples() -> Iterator[Any]:
    """Every command with the answer that stands below it, if one does."""
    for name, blocks in (("API", BLOCKS), ("CLIENTS", SET_UPS)):
        for at, (block, below) in enumerate(zip_longest(blocks, blocks[1:])):
            if block.language in COMMANDS:
                answers = below and below.language in ANSWERS and below.title == block.title
                identity = f"{name}-{at}-{block.title}-{block.language}"
                yield pytest.param(block, below if answers else None, id=identity)


def test_every_block_is_a_command_or_its_answer():
    languages = {block.language for block in BLOCKS}
    answers = [at for at, block in enumerate(BLOCKS) if block.language in ANSWERS]

    assert languages == ANSWERS | COMMANDS
    assert all(BLOCKS[at - 1].language in COMMANDS for at in answers)


@pytest.mark.parametrize(("command", "answer"), list(examples()))
def test_example_does_what_it_says(
    serving: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, command: Block, answer: Block | None
):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FREEAI_KEY", serving.client_key)
    monkeypatch.setenv("FREEAI_ADMIN", serving.admin_token)
    text = command.text.replace(ADDRESS, serving.url)

    output = run_python(text) if command is SETUP else run(command, text, serving)

    if answer is not None:
        CHECKS[answer.language](answer.text.replace(ADDRESS, serving.url), output)


def run(command: Block, text: str, serving: Server) -> str:
    """What a command prints; Python goes on from the page's first example in it."""
    if command.language == "python":
        return run_python(SETUP.text.replace(ADDRESS, serving.url), text)
    assert text.startswith("curl ")
    words = [os.path.expandvars(word) for word in shlex.split(text.replace("\\\n", " "))]
    done = subprocess.run(["curl", "-sS", *words[1:]], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def run_python(*parts: str) -> str:
    """What the last part prints, after the others ran."""
    names: dict[str, Any] = {}
    printed = io.StringIO()
    for part in parts:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(part, "docs/API.md", "exec"), names)  # noqa: S102 - the page's own examples
    names["client"].close()
    return printed.getvalue()


def check_json(stated: str, output: str) -> None:
    assert_alike(json.loads(stated), json.loads(output))


def check_text(stated: str, output: str) -> None:
    assert_alike(stated.strip(), output.strip())


def check_http(stated: str, output: str) -> None:
    """The status, the stated headers, and no other of those that are FreeAI's own."""
    (status, said), (got_status, got) = read_head(stated), read_head(output)

    assert status == got_status
    assert_alike(said, {name: value for name, value in got.items() if name in said or name.startswith("x-")})


def read_head(text: str) -> tuple[str, dict[str, str]]:
    status, *lines = text.strip().splitlines()
    return status, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def check_sse(stated: str, output: str) -> None:
    """The frames; a line `…` stands for any number of them, but of no errors."""
    got = [read_frame(frame) for frame in output.strip().split("\n\n")]
    said = [read_frame(frame) for frame in stated.strip().split("\n\n")]
    gap = said.index(ANY)
    tail = len(said) - gap - 1

    assert len(got) >= gap + tail
    assert_alike(said[:gap], got[:gap])
    assert_alike(said[gap + 1 :], got[-tail:])
    assert all("choices" in frame for frame in got[gap:-tail])


def read_frame(frame: str) -> Any:
    payload = re.sub(r"^data: ", "", frame)
    return json.loads(payload) if payload.startswith("{") else payload


CHECKS = {"json": check_json, "text": check_text, "http": check_http, "sse": check_sse}
