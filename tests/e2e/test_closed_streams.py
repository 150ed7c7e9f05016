"""Standard streams that are closed or take nothing: what was to be shown once and was not does not exist, and all else works."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e import plain, server, tables
from tests.e2e.entrances import manage
from tests.e2e.server import free_port, wait_until
from tests.e2e.surroundings import ROOT, clean_env

pytestmark = pytest.mark.slow

MAKES_SECRETS = [
    (["serve", "--no-tasks", "--port", "0"], "The secrets of the first run could not be printed"),
    (["setup"], "The secrets of the first run could not be printed"),
]
SHOWS_ONE = [
    (["issue_client_key", "--name", "unseen"], "The client key could not be printed"),
    (["create_admin_token", "--name", "unseen"], "The admin token could not be printed"),
]
NO_SECRETS = [(["help"], "The output could not be")]
STREAMS = [
    ">&-",
    pytest.param(
        ">/dev/full",
        marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here"),
    ),
]


def shell(arguments: list[str], redirections: str, data_dir: Path) -> "subprocess.CompletedProcess[str]":
    """`manage.py` as a shell starts it with `redirections`; Python buffers what it writes, as it does by default."""
    env = {name: value for name, value in clean_env().items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env | {"FREEAI_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a gateway that was set up where its secrets could be read."""
    data_dir = tmp_path_factory.mktemp("closed") / "data"
    tables.lay(data_dir)
    assert manage("setup", data_dir=data_dir).returncode == 0
    return data_dir


def assert_one_line(ended: "subprocess.CompletedProcess[str]", words: str) -> None:
    assert ended.returncode == 1, ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert words in ended.stderr


@pytest.mark.parametrize("redirection", STREAMS)
@pytest.mark.parametrize(("command", "words"), MAKES_SECRETS)
def test_a_first_start_that_nobody_can_read_makes_no_secrets(
    command: list[str], words: str, redirection: str, data_dir: Path
):
    assert_one_line(shell(command, redirection, data_dir), words)

    assert "admin token" in manage("setup", data_dir=data_dir).stdout


@pytest.mark.parametrize("redirection", STREAMS)
@pytest.mark.parametrize(("command", "words"), [*SHOWS_ONE, *NO_SECRETS])
def test_a_command_whose_output_nobody_takes_says_so_in_one_line(
    command: list[str], words: str, redirection: str, set_up: Path
):
    assert_one_line(shell(command, redirection, set_up), words)


def test_what_could_not_be_shown_was_not_made(set_up: Path):
    for command, words in SHOWS_ONE:
        assert_one_line(shell(command, ">&-", set_up), words)

    with sqlite3.connect(set_up / "freeai.sqlite3") as database:
        for table in ("clients_clientkey", "clients_admintoken"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)  # noqa: S608


@pytest.mark.parametrize("redirections", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_later_start_serves_whatever_is_closed(redirections: str, set_up: Path):
    port = free_port()
    arguments = [
        "sh",
        "-c",
        f'exec "$@" {redirections}',
        "sh",
        sys.executable,
        "manage.py",
        "serve",
        "--no-tasks",
    ]
    with subprocess.Popen(
        [*arguments, "--port", str(port)],
        cwd=ROOT,
        env=clean_env() | {"FREEAI_DATA_DIR": str(set_up)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until(lambda: answers(port), server.START_TIMEOUT_S)
            held = {Path(f"/proc/{process.pid}/fd/{number}").resolve() for number in range(3)}
        finally:
            process.terminate()
        code = process.wait(30)

    assert code == 0
    assert held == {Path("/dev/null")}  # and no file of ours, into which a library would write its complaints


def answers(port: int) -> bool:
    try:
        return plain.get(f"http://127.0.0.1:{port}/livez", timeout=1).status_code == 200
    except httpx.TransportError:
        return False
