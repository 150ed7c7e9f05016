"""docker/systemd: units that start what compose.yml starts."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docker.files import DOCKER, read

SERVICES = read("compose.yml")["services"]
UNITS = {name: DOCKER / f"systemd/freeai-{name}.service" for name in ("web", "worker", "beat")}


def unit(name: str) -> configparser.ConfigParser:
    made = configparser.ConfigParser(interpolation=None)
    made.optionxform = str  # type: ignore[assignment,method-assign]  # names as they are written
    made.read(UNITS[name])
    return made


def test_there_is_one_for_each_part():
    assert sorted((DOCKER / "systemd").iterdir()) == sorted(UNITS.values())


@pytest.mark.parametrize("name", UNITS)
def test_a_part_is_started_as_in_containers_and_by_a_user_of_its_own(name: str):
    service = unit(name)["Service"]

    assert service["ExecStart"] == "/opt/freeai/.venv/bin/" + " ".join(SERVICES[name]["command"])
    assert (service["User"], service["EnvironmentFile"]) == ("freeai", "/etc/freeai.env")
    assert service["ReadWritePaths"] == "/var/lib/freeai"


def test_the_gateway_has_its_time_to_end():
    assert unit("web")["Service"]["TimeoutStopSec"] + "s" == SERVICES["web"]["stop_grace_period"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze: apt-get install systemd")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_it(name: str, tmp_path: Path):
    text = UNITS[name].read_text().replace("/opt/freeai/.venv/bin/python", "/bin/true")
    copy = tmp_path / UNITS[name].name
    copy.write_text(text)

    ended = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, [line for line in ended.stderr.splitlines() if "freeai" in line]) == (0, [])
