"""A signal while the start waits for a database that says nothing: the process ends at once, in one line."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.surroundings import ROOT, clean_env

pytestmark = pytest.mark.slow

LATE = """
import sys, time
from freeai import entrance
entrance.enter()
from apps.core import snapshot
def hang():
    print("It hangs.", file=sys.stderr, flush=True)
    time.sleep(100)
snapshot.load_all = hang
entrance.run_command(["manage.py", "serve", "--no-tasks", "--port", "0"])
"""
SERVE = "from freeai.entrance import run_command; run_command(['manage.py', 'serve', '--no-tasks', '--port', '0'])"


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Where a database would listen: it takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def begin(script: str, data_dir: Path, **env: str) -> "subprocess.Popen[str]":
    interruptible = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    return subprocess.Popen(
        [sys.executable, "-c", interruptible + script],
        cwd=ROOT,
        env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir)} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_ends(process: "subprocess.Popen[str]", number: signal.Signals, code: int) -> None:
    process.send_signal(number)
    began = time.monotonic()
    stdout, stderr = process.communicate(timeout=90)

    assert time.monotonic() - began < 10
    assert (process.returncode, stdout, stderr) == (code, "", "Stopped before the gateway had started.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_set_up_hears_a_signal(number: signal.Signals, code: int, data_dir: Path, silent: socket.socket):
    url = f"postgres://a:b@127.0.0.1:{silent.getsockname()[1]}/x"
    process = begin(SERVE, data_dir, FREEAI_DATABASE_URL=url, FREEAI_DATABASE_CONNECT_TIMEOUT_S="60")

    with silent.accept()[0]:
        assert_ends(process, number, code)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_gateway_itself_hears_a_signal(number: signal.Signals, code: int, data_dir: Path):
    process = begin(LATE, data_dir)

    assert process.stderr is not None
    assert process.stderr.readline() == "It hangs.\n"
    assert_ends(process, number, code)
