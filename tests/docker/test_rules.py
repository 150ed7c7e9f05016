"""Alerts and Prometheus' configuration, by Prometheus' own tool: they parse, and fire when they should."""

import shutil
import subprocess

import pytest

from tests.docker.files import DOCKER

FOLDER = DOCKER / "prometheus"
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool: apt-get install prometheus")
@pytest.mark.parametrize(
    "asked",
    ["check rules rules.yml", "test rules rules.test.yml", "check config --syntax-only prometheus.yml"],
)
def test_promtool_finds_nothing(asked: str):
    ended = subprocess.run(
        [str(PROMTOOL), *asked.split()], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "SUCCESS" in ended.stdout
