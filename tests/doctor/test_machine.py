"""What the machine gives too little of."""

import os
import resource
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from apps.core import clock
from freeai.doctor import machine
from tests.doctor.conftest import Examine

MIB = 1024 * 1024
Usage = namedtuple("Usage", "total used free")


def bad(found: list) -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in found if each.level in ("warning", "error")]


def test_a_data_directory_as_set_up_makes_it_is_well(data_dir: Path, examine: Examine):
    assert bad(examine("data_directory")) == []


def test_what_others_can_read_is_told(data_dir: Path, examine: Examine):
    data_dir.chmod(0o755)
    (data_dir / "secrets" / "master_keys").write_text("x")
    (data_dir / "secrets" / "master_keys").chmod(0o644)

    levels = {level for level, text in bad(examine("data_directory")) if "other users" in text}

    assert levels == {"warning", "error"}


def test_what_a_killed_backup_left(data_dir: Path, examine: Examine):
    for name, age_s in ((".backup-old", 2 * 86_400), (".restore-new", 0)):
        (data_dir / name).mkdir()
        os.utime(data_dir / name, (clock.now() - age_s,) * 2)

    assert [".backup-old" in text for _, text in bad(examine("data_directory"))] == [True]


def test_no_data_directory(data_dir: Path, examine: Examine, settings: Any):
    settings.DATA_DIR = data_dir / "gone"

    assert "is not set up here" in bad(examine("data_directory"))[0][1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_directory_that_takes_nothing(data_dir: Path, examine: Examine):
    data_dir.chmod(0o500)

    assert "Nothing can be written" in bad(examine("data_directory"))[0][1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_a_command_as_root_left_in_the_directory_of_another_user(data_dir: Path, examine: Examine):
    (data_dir / "secrets" / "master_keys").write_text("x")
    (data_dir / "secrets" / "master_keys").chmod(0o600)
    for path in (data_dir, data_dir / "secrets", data_dir / "spool"):
        os.chown(path, 12345, -1)

    found = [
        each for each in examine("data_directory") if each.level == "error" and "another one" in each.text
    ]

    assert [str(data_dir / "secrets" / "master_keys") in each.text for each in found] == [True]
    assert found[0].remedy == f"chown -R 12345 {data_dir}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_what_this_user_cannot_read(data_dir: Path, examine: Examine):
    (data_dir / "secrets" / "master_keys").write_text("x")
    (data_dir / "secrets" / "master_keys").chmod(0)

    found = [
        each for each in examine("data_directory") if each.level == "error" and "another one" in each.text
    ]

    assert [str(data_dir / "secrets" / "master_keys") in each.text for each in found] == [True]


@pytest.mark.parametrize(("free", "level"), [(100 * MIB, "error"), (1024 * MIB, "warning")])
def test_little_room(
    free: int, level: str, data_dir: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10_000 * MIB, 10_000 * MIB - free, free))

    assert bad(examine("disk"))[0][0] == level


def test_few_descriptors(examine: Examine, settings: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    settings.FREEAI_MAX_CONNECTIONS = 800

    assert [level for level, _ in bad(examine("files"))] == ["warning", "error"]


def test_a_clock_of_before(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clock, "now", lambda: 0.0)

    assert "1970-01-01" in bad(examine("clock"))[0][1]


def test_events_that_no_database_took(data_dir: Path, examine: Examine):
    (data_dir / "spool" / "refused.jsonl").write_text("{}\n{}\n")

    assert "holds 2 usage events" in bad(examine("spool"))[0][1]


def test_much_that_waits(data_dir: Path, examine: Examine, settings: Any):
    settings.FREEAI_SPOOL_MAX_BYTES = 1000
    (data_dir / "spool" / "of-somebody").mkdir()
    (data_dir / "spool" / "of-somebody" / "000001.jsonl").write_text("x" * 900)

    assert "900 bytes of usage events wait" in bad(examine("spool"))[0][1]


def test_a_spool_that_nobody_drains(data_dir: Path, examine: Examine):
    (data_dir / "spool" / "of-somebody").mkdir()
    segment = data_dir / "spool" / "of-somebody" / "000001.jsonl"
    segment.write_text("{}\n")
    just_now = bad(examine("spool"))
    os.utime(segment, (clock.now() - 7200,) * 2)

    found = bad(examine("spool"))

    assert just_now == []
    assert [level for level, _ in found] == ["warning"]
    assert "nobody writes them to the database" in found[0][1]


def test_a_network_file_system(data_dir: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "file_system", lambda _: "nfs4")

    assert "nfs4" in bad(examine("spool"))[0][1]


def test_tasks_that_nobody_takes(data_dir: Path, examine: Examine):
    queue = data_dir / "broker" / "queue"
    queue.mkdir(parents=True)
    for number in range(machine.MANY_TASKS + 1):
        (queue / str(number)).touch()

    assert "no worker takes them" in bad(examine("queue"))[0][1]


def test_the_file_system_of_a_path_is_known():
    assert machine.file_system(Path("/proc/self")) in ("proc", "")
