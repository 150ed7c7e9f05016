"""The image's steps in a clean directory: what they install and copy serves a first request, and its own check sees that."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker.rehearse import Rehearsal, Stage
from tests.e2e import plain
from tests.e2e.server import free_port, wait_until
from tests.e2e.surroundings import clean_env

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def image() -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="freeai-image-"))
    try:
        yield Rehearsal(folder).build()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the packages cannot be installed from here: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def files(image: Stage) -> set[Path]:
    """All but what belongs to the volume."""
    folders = (image.at(""), image.at("/opt"))
    return {path for folder in folders for path in folder.rglob("*")}


def test_it_serves_and_says_so_and_ends(image: Stage, tmp_path: Path):
    port = free_port()
    own = {name: value for name, value in clean_env().items() if name in ("HOME", "TMPDIR")}
    env = own | image.environment() | {"FREEAI_PORT": str(port), "FREEAI_HOST": "127.0.0.1"}
    check = [image.here(word) for word in image.healthcheck]
    log = tmp_path / "console.log"
    before = files(image)
    assert subprocess.run(check, cwd=image.at(""), env=env, check=False).returncode == 1

    with log.open("w") as output:
        process = subprocess.Popen(
            image.command, cwd=image.at(""), env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until(
            lambda: subprocess.run(check, cwd=image.at(""), env=env, check=False).returncode == 0, seconds=120
        )
        models = plain.get(f"http://127.0.0.1:{port}/v1/models", timeout=10)
        process.send_signal(signal.SIGTERM)  # as Docker does
        ended = process.wait(60)
    finally:
        process.kill()

    assert models.json()["object"] == "list", log.read_text()
    assert ended == 0, log.read_text()
    assert (image.at("/data") / "freeai.sqlite3").exists()
    assert "client key" in log.read_text()
    assert files(image) == before, "the container's own file system is read-only"


def test_what_only_developers_need_is_not_in_it(image: Stage):
    there = {path.name for path in image.at("").iterdir()}
    installed = {path.name for path in image.at("/opt/venv/lib").glob("*/site-packages/*")}

    assert there == {
        "manage.py",
        "LICENSE",
        "requirements",
        "freeai",
        "apps",
        "fakes",
        "static",
        "templates",
        "docker",
    }
    assert not {"pytest", "mypy", "ruff", "opentelemetry", "pyarrow", "pip", "setuptools"} & installed
    assert os.access(image.at("docker/healthcheck.py"), os.R_OK)
