"""Running a client's program in its environment, and reading what it says."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final

import orjson

from tests.e2e.server import Server
from tests.real_clients.environments import MissingError, found
from tests.real_clients.matrix import PROGRAMS, Client, Row

TIMEOUT_S: Final = 240
MOST_WORDS: Final = 300
END: Final = "its end"


def run(client: Client, serving: Server) -> Row:
    """A client's row: what its program says, or why it could not be run."""
    row = Row(client=client)
    try:
        environment = found(client.needs)
    except MissingError as missing:
        row.missing = str(missing)
        return row
    began = time.monotonic()
    with TemporaryDirectory(prefix="freeai-client-", ignore_cleanup_errors=True) as home:
        _read(row, *program(client, environment, Path(home), serving))
    row.seconds = time.monotonic() - began
    return row


def program(client: Client, environment: Path, home: Path, serving: Server, **more: str) -> tuple[str, str]:
    """What the client's program wrote, and why it did not come to its end ("" if it did). `more`: variables of its environment."""
    env = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "NO_PROXY": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "FREEAI_URL": serving.url,
        "FREEAI_KEY": serving.client_key,
        "FREEAI_CLIENT": client.name,
        "FREEAI_PROVIDERS": ",".join(client.providers),
        "FREEAI_ENVIRONMENT": str(environment),
        **more,
    }
    said, words, code = _ended(_command(PROGRAMS / client.program, environment, home), env, home)
    if code is None:
        return said, f"it did not end in {TIMEOUT_S} s"
    return said, f"exit code {code}: {' '.join(words.split())[-MOST_WORDS:]}" if code else ""


def _ended(command: list[str], env: dict[str, str], folder: Path) -> tuple[str, str, int | None]:
    """What a program wrote to stdout and to stderr, and its exit code; None where it had to be ended. What it left running ends with it."""
    with TemporaryFile("w+", errors="replace") as out, TemporaryFile("w+", errors="replace") as err:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for file in (out, err):
            file.seek(0)
        return out.read(), err.read(), code


def _command(program: Path, environment: Path, home: Path) -> list[str]:
    match program.suffix:
        case ".py":
            return [str(environment / "bin" / "python"), str(program)]
        case ".mjs":  # which finds packages beside itself, and nowhere else
            shutil.copytree(program.parent, home / "program")
            (home / "program" / "node_modules").symlink_to(environment / "node_modules")
            return ["node", str(home / "program" / program.name)]
        case ".java":
            return ["java", str(program)]
        case _:
            return ["bash", str(program)]


def _read(row: Row, said: str, broken: str) -> None:
    """A program that broke off has a red cell more."""
    for line in said.splitlines():
        if not line.startswith("{"):
            continue
        told = orjson.loads(line)
        if "version" in told:
            row.version = told["version"]
        else:
            row.cells[told["cell"]] = "" if told["ok"] else told["words"] or "it failed"
    if broken:
        row.cells[END] = broken
