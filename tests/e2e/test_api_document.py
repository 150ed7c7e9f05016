"""docs/API.md does what it says: its examples are executed, and of docs/CLIENTS.md those that need nothing else installed.

The tables: tests/gateway/test_api_document.py.
"""

import contextlib
import io
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeUpstream
from fakes.upstreams.cloudflare import ACCOUNT_ID
from tests.documents import Block, Document
from tests.e2e import server
from tests.e2e.examples import ADDRESS, ANSWERS, CHECKS, run_curl
from tests.e2e.server import Server
from tests.gateway.audio import SAMPLES

BLOCKS = Document("API.md").blocks()
SET_UPS = Document("CLIENTS.md").blocks()
COMMANDS = {"sh", "python"}
SETUP = next(block for block in BLOCKS if block.language == "python")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    """Groq before Gemini before Mistral, all fakes, and who ranks and draws for what these cannot; one page may call."""
    running = server.start(
        tmp_path_factory.mktemp("serve"), "--no-tasks", FREEAI_CORS_ORIGINS="http://localhost:3000"
    )
    unlimited = {"requests": {"second": 0, "minute": 0}}
    for name, weight in (("groq", 9), ("gemini", 5), ("mistral", 1), ("cohere", 0.1), ("cloudflare", 0.1)):
        moved = running.api("PATCH", f"providers/{name}", json={"base_url": upstream.url(name)})
        assert moved.status_code == 200, moved.text
        stored: dict[str, Any] = {
            "api_key": f"key-of-{name}-0123456789",
            "weight": weight,
            "limits": unlimited,
        }
        if name == "cloudflare":
            stored["settings"] = {"account_id": ACCOUNT_ID}
        keyed = running.api("PATCH", f"me/providers/{name}", json=stored)
        assert keyed.status_code == 200, keyed.text
    yield running
    running.stop()


@pytest.fixture
def opened(serving: Server) -> None:
    """What the examples before made the sandbox fail at has closed nothing."""
    again = serving.api("POST", "providers/sandbox/reset")
    assert again.status_code == 200, again.text


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


@pytest.mark.usefixtures("opened")
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
    return run_curl(text)


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
