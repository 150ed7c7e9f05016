"""A backup that is made under load, and restored somewhere else: nothing is missing, nothing counted twice."""

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e import postgres, server, tables
from tests.e2e.entrances import manage
from tests.e2e.load import Load
from tests.e2e.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
KINDS = ["sqlite", "postgresql"]


@contextmanager
def database(kind: str) -> Iterator[dict[str, Any]]:
    """Settings of an empty one."""
    if kind == "sqlite":
        yield {}
        return
    if not shutil.which("pg_dump"):
        pytest.skip("no pg_dump: apt-get install postgresql-client")
    with postgres.database() as made:
        yield {"FREEAI_DATABASE_URL": made.url}


def succeeded(gateway: Server) -> int:
    """Answers of now in the ledger, by the gateway's own report."""
    return gateway.api("GET", "analytics").json()["success_calls"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_round_trip_with_traffic(kind: str, tmp_path: Path):
    file = tmp_path / "of-today.backup"
    with database(kind) as settings:
        gateway = server.start(tmp_path / "first", "--no-tasks", **settings)
        with Load().on(gateway) as load:
            load.more(40)
            answered = load.outcomes[200]
            made = manage(
                "backup", str(file), "--with-secrets", "--json", data_dir=gateway.data_dir, **settings
            )
            at_most = load.outcomes[200] + 3  # under way in the load's clients
            load.more(10)
        assert not load.wrong
        gateway.stop()
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o077 == 0

    with database(kind) as settings:
        restored = manage("restore", str(file), "--json", data_dir=tmp_path / "second", **settings)
        assert restored.returncode == 0, restored.stderr
        again = server.start(tmp_path / "second", "--no-tasks", console=gateway.console, **settings)
        server.wait_until(lambda: again.metric("freeai_spool_depth") == 0)
        # What was open at that moment stands as it was: interrupted.
        counted = succeeded(again)
        port = str(urlsplit(again.url).port)
        doctor = manage("doctor", "--ledger", data_dir=again.data_dir, FREEAI_PORT=port, **settings)
        answer = again.chat(model="freeai-auto")
        again.stop()

    assert answered <= counted <= at_most
    assert doctor.returncode == 0, doctor.stdout
    assert answer.status_code == 200  # the client key of before
    assert json.loads(made.stdout)["rows"] == json.loads(restored.stdout)["rows"]


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without secrets, of a SQLite installation that does not run."""
    folder = tmp_path_factory.mktemp("backup")
    tables.lay(folder / "data")
    manage("setup", data_dir=folder / "data")
    ended = manage("backup", str(folder / "file"), data_dir=folder / "data")
    assert ended.returncode == 0, ended.stderr
    return folder


def test_it_names_the_master_key_and_does_not_hold_it(backup: Path):
    key = (backup / "data/secrets/master_keys").read_text().strip()
    with tarfile.open(backup / "file") as tar:
        names = tar.getnames()
        text = tar.extractfile(names[0]).read().decode()  # type: ignore[union-attr]

    assert names[0] == "manifest.json"
    assert not any(name.startswith("secrets") for name in names)
    assert key not in text and '"master_keys"' in text


def test_without_its_master_key_nothing_is_restored(backup: Path, tmp_path: Path):
    refused = manage("restore", str(backup / "file"), data_dir=tmp_path / "new")
    secrets = tmp_path / "with" / "secrets"
    secrets.mkdir(parents=True)
    for name in ("master_keys", "secret_key"):
        (secrets / name).write_text((backup / "data/secrets" / name).read_text())
    done = manage("restore", str(backup / "file"), data_dir=tmp_path / "with")

    assert (refused.returncode, done.returncode) == (1, 0), done.stderr
    assert "(its fingerprint), and there is no master key here" in refused.stderr
    assert not (tmp_path / "new").exists()


def in_use(folder: Path, backup: Path) -> dict[str, str]:
    tables.lay(folder)
    manage("setup", data_dir=folder)
    return {}


def other_vendor(folder: Path, backup: Path) -> dict[str, str]:
    return {"FREEAI_DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}


def events_of_another(folder: Path, backup: Path) -> dict[str, str]:
    (folder / "spool" / "of-another").mkdir(parents=True)
    (folder / "spool" / "of-another" / "000001.jsonl").write_text("{}\n")
    return {}


def other_key(folder: Path, backup: Path) -> dict[str, str]:
    return {"FREEAI_MASTER_KEYS": "x" * 43 + "="}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (in_use, "The database is not empty"),
        (other_vendor, "names postgresql. Name an empty sqlite database."),
        (events_of_another, "Usage events of another database wait"),
        (other_key, "the master keys here are others"),
    ],
)
def test_where_it_may_not_go(
    target: Callable[[Path, Path], dict[str, str]], words: str, backup: Path, tmp_path: Path
):
    folder = tmp_path / "target"
    env = target(folder, backup)
    before = sorted(folder.rglob("*")) if folder.exists() else []

    ended = manage("restore", str(backup / "file"), data_dir=folder, **env)

    assert ended.returncode == 1
    assert words in ended.stderr
    assert (sorted(folder.rglob("*")) if folder.exists() else []) == before


def test_not_beside_a_gateway_that_serves(backup: Path, tmp_path: Path):
    gateway = server.start(tmp_path / "serves", "--no-tasks")

    ended = manage("restore", str(backup / "file"), data_dir=gateway.data_dir)
    gateway.stop()

    assert ended.returncode == 1 and "not empty" in ended.stderr


def test_a_file_that_is_there_is_not_written_over(backup: Path):
    before = (backup / "file").read_bytes()

    ended = manage("backup", str(backup / "file"), data_dir=backup / "data")

    assert ended.returncode == 1 and "is there already" in ended.stderr
    assert (backup / "file").read_bytes() == before


def test_nothing_is_set_up_yet(tmp_path: Path):
    ended = manage("backup", str(tmp_path / "file"), data_dir=tmp_path / "nothing")

    assert ended.returncode == 1 and "not set up here yet" in ended.stderr
