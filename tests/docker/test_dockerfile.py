"""docker/Dockerfile: small, without root, nothing in it that the context would leak. Its steps are taken in tests/e2e/test_image.py."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docker import rehearse
from tests.docker.files import DOCKER, ROOT

STEPS = list(rehearse.instructions(DOCKER / "Dockerfile"))


def test_it_does_not_run_as_root():
    users = [text for word, text in STEPS if word == "USER"]

    assert users and users[-1].split(":")[0].isdigit() and users[-1].split(":")[0] != "0"


def test_only_what_is_locked_is_installed():
    installs = [text for word, text in STEPS if word == "RUN" and "pip install" in text]

    assert installs
    for text in installs:
        assert {"--no-deps", "--require-hashes", "--only-binary=:all:"} <= set(text.split())


def test_base_images_are_exact_and_of_one_kind():
    images = {text.split()[0] for word, text in STEPS if word == "FROM"}

    assert len(images) == 1
    assert images.pop().count(".") == 2  # python:3.11.14-slim-trixie


def test_the_context_holds_what_is_copied_and_nothing_else(tmp_path: Path):
    for secret in (".env", "var/secrets/master_keys", "docker/.env", ".git/config", "apps/__pycache__/a.pyc"):
        (tmp_path / secret).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / secret).touch()
    for needed in ("manage.py", "apps/gateway/urls.py", "requirements/base.txt", "docker/healthcheck.py"):
        (tmp_path / needed).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / needed).touch()
    shutil.copy(ROOT / ".dockerignore", tmp_path)

    found = {path.as_posix() for path in rehearse.context(tmp_path)}

    assert found == {"manage.py", "apps/gateway/urls.py", "requirements/base.txt", "docker/healthcheck.py"}


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("no hadolint: `make rehearsal` installs it")

    ended = subprocess.run(
        [hadolint, "--failure-threshold", "warning", str(DOCKER / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout


def test_the_healthcheck_tells_a_gateway_from_none():
    env = os.environ | {"FREEAI_PORT": "9"}  # discard: nobody listens

    assert (
        subprocess.run([sys.executable, str(DOCKER / "healthcheck.py")], env=env, check=False).returncode == 1
    )


def test_the_proxy_accepts_its_configuration():
    if not (caddy := shutil.which("caddy")):
        pytest.skip("no caddy: apt-get install caddy")

    ended = subprocess.run(
        [caddy, "adapt", "--config", str(DOCKER / "caddy/Caddyfile"), "--adapter", "caddyfile", "--validate"],
        env=os.environ | {"FREEAI_DOMAIN": "ai.example.com"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert '"flush_interval":-1' in ended.stdout.replace(" ", "")
