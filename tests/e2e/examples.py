"""Examples of the documents: what a command prints, and whether that is what stands below it."""

import json
import os
import re
import shlex
import subprocess
from typing import Any

from tests.documents import ANY, assert_alike

ADDRESS = "http://127.0.0.1:8000"
ANSWERS = {"json", "text", "http", "sse"}


def run_curl(text: str) -> str:
    """What it prints. `$NAME` stands for a variable of the environment."""
    assert text.startswith("curl ")
    words = [os.path.expandvars(word) for word in shlex.split(text.replace("\\\n", " "))]
    done = subprocess.run(["curl", "-sS", *words[1:]], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


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
