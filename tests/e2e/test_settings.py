"""Settings that cannot be used: every process ends with one line for each, and nothing is written."""

import os
from pathlib import Path

import pytest

from tests.e2e.entrances import ENTRANCES, MANAGE, manage, run
from tests.edge.test_settings import BAD


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_all_bad_values_at_once_are_a_line_each(entrance: str, tmp_path: Path):
    ended = run(ENTRANCES[entrance], tmp_path / "data", **BAD)

    assert ended.returncode == 2
    assert sorted(line.split(" ")[0] for line in ended.stderr.splitlines()) == sorted(BAD)
    assert "hunter2" not in ended.stdout + ended.stderr
    assert "it went on" not in ended.stdout
    assert not (tmp_path / "data").exists()


def test_an_issuer_needs_a_client(tmp_path: Path):
    ended = manage("check", data_dir=tmp_path / "data", FREEAI_OIDC_ISSUER="https://id.example.com")

    assert ended.returncode == 2
    assert [line.split(" ")[0] for line in ended.stderr.splitlines()] == ["FREEAI_OIDC_CLIENT_ID"]


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_data_directory_that_is_a_file_is_one_line(entrance: str, tmp_path: Path):
    (tmp_path / "file").touch()

    ended = run(ENTRANCES[entrance], tmp_path / "file" / "data")

    assert ended.returncode == 2
    assert ended.stderr == (
        f"FREEAI_DATA_DIR must be a directory that FreeAI may write to: {tmp_path / 'file'} is a file.\n"
    )


@pytest.mark.parametrize("entrance", ["serve", "setup"])
@pytest.mark.parametrize(
    ("place", "code"),
    [("/proc/freeai", 1), ("/tmp/" + "n" * 300, 2)],  # noqa: S108 - nothing can be made there
    ids=["tried", "checked"],
)
def test_a_data_directory_that_cannot_be_made_is_one_line(entrance: str, place: str, code: int):
    ended = run(ENTRANCES[entrance], Path(place))

    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("FREEAI_DATA_DIR must be ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_data_directory_of_somebody_else_is_one_line(mode: int, tmp_path: Path):
    (tmp_path / "secrets").mkdir()
    tmp_path.chmod(mode)

    ended = manage("check", data_dir=tmp_path)

    tmp_path.chmod(0o700)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("FREEAI_DATA_DIR must be ")


@pytest.mark.parametrize(
    ("entrance", "content"),
    [
        ("serve", "short"),
        ("setup", "short"),
        ("uvicorn", "short"),
        ("celery", "short"),
        ("serve", ""),
        ("serve", None),
    ],
)
def test_a_wrong_master_key_file_is_one_line_that_names_it(
    entrance: str, content: str | None, tmp_path: Path
):
    file = tmp_path / "secrets" / "master_keys"
    file.parent.mkdir()
    if content is None:
        file.mkdir()
    else:
        file.write_text(content)

    ended = run(ENTRANCES[entrance], tmp_path)

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("FREEAI_MASTER_KEYS")
    assert str(file) in ended.stderr


def test_a_command_that_needs_no_secret_makes_none(tmp_path: Path):
    for command in ("check", "help", "diffsettings"):
        assert manage(command, data_dir=tmp_path / "data").returncode == 0

    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "command", [ENTRANCES["uvicorn"], [*MANAGE, "create_admin_token"], [*MANAGE, "changepassword"]]
)
def test_before_set_up_there_is_one_line_that_says_so(command: list[str], tmp_path: Path):
    ended = run(command, tmp_path / "data")

    assert ended.returncode == 1
    assert ended.stderr == "FreeAI is not set up here yet: run `manage.py setup`.\n"
