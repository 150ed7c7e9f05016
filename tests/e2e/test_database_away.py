"""A database that cannot be used: one line with the remedy, for whatever wants to start."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.e2e.entrances import ENTRANCES, manage, run
from tests.e2e.server import free_port

COMMANDS = [
    ["serve", "--no-tasks"],
    ["setup"],
    ["migrate"],
    ["issue_client_key", "--name", "x"],
    ["revoke_client_key", "x"],
    ["create_admin_token"],
    ["set_provider_key", "groq"],
    ["rotate_master_key"],
    ["sync_catalogue"],
    ["sync_catalogue", "--check"],
    ["explain", "--prompt", "Hello"],
    ["purge_usage"],
    ["changepassword", "admin"],
]


@pytest.fixture
def away() -> dict[str, str]:
    """Nobody listens there."""
    return {
        "FREEAI_DATABASE_URL": f"postgres://freeai:hunter2@127.0.0.1:{free_port()}/freeai",
        "FREEAI_SECRET_KEY": "of the tests " * 5,
        "FREEAI_MASTER_KEYS": Fernet.generate_key().decode(),
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_it_in_one_line(command: list[str], data_dir: Path, away: dict[str, str]):
    ended = manage(*command, data_dir=data_dir, **away)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("The database does not answer: ")
    assert ended.stderr.endswith("Start it, or correct FREEAI_DATABASE_URL.\n")
    assert "hunter2" not in ended.stderr


def test_the_server_says_it_in_one_line(data_dir: Path, away: dict[str, str]):
    ended = run(ENTRANCES["uvicorn"], data_dir, **away)

    assert ended.returncode != 0
    told = [line for line in ended.stderr.splitlines() if "The database does not answer" in line]
    assert len(told) == 1
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def test_the_traceback_is_there_for_whoever_asks(data_dir: Path, away: dict[str, str]):
    assert "Traceback" in manage("setup", "--traceback", data_dir=data_dir, **away).stderr


@pytest.mark.parametrize("command", ["serve", "purge_usage"])
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "sqlite:///{}/damaged",
            "The database {}/damaged cannot be used: file is not a database. Mend that, or ",
        ),
        (
            "sqlite:///{}/no/file",
            "The database {}/no/file cannot be used: there is no directory {}/no. Mend that, or ",
        ),
        (
            "postgres://127.0.0.1/freeai?no_such_option=1",
            'The database does not answer: invalid connection option "no_such_option". Start it, or ',
        ),
        (
            "postgres://no-such-host.invalid/freeai",
            "The database does not answer: failed to resolve host 'no-such-host.invalid': ",
        ),
    ],
)
def test_what_else_a_database_may_be(command: str, url: str, sentence: str, tmp_path: Path):
    (tmp_path / "damaged").write_text("no database " * 100)

    ended = manage(command, data_dir=tmp_path / "data", FREEAI_DATABASE_URL=url.replace("{}", str(tmp_path)))

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(sentence.replace("{}", str(tmp_path)))
    assert ended.stderr.endswith("or correct FREEAI_DATABASE_URL.\n")
