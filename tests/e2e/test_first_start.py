"""The secrets of the first start are shown when the gateway has started, or do not exist."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import plain, server
from tests.e2e.entrances import manage
from tests.e2e.surroundings import ROOT, clean_env

IPV6 = "::1"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((IPV6, 0))
    except OSError:
        return False
    return True


def test_a_taken_port_spends_no_secret(data_dir: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        refused = manage("serve", data_dir=data_dir, FREEAI_PORT=str(other.getsockname()[1]))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.fullmatch(r"CommandError: Cannot listen on .* another process .*\n", refused.stderr)
    assert {path.name for path in data_dir.iterdir()} == {"serve.lock"}
    assert_secrets_are_still_to_come(data_dir)


def test_a_start_that_fails_after_set_up_spends_no_secret(data_dir: Path):
    data_dir.mkdir()
    (data_dir / "spool").touch()  # where a directory is needed

    refused = manage("serve", "--no-tasks", data_dir=data_dir)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "FREEAI_DATA_DIR must be writable" in refused.stderr
    assert "a directory is needed there: move it away." in refused.stderr
    (data_dir / "spool").unlink()
    assert_secrets_are_still_to_come(data_dir)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("command", [["serve", "--no-tasks", "--port", "0"], ["setup"]])
def test_secrets_that_cannot_be_printed_are_not_made(command: list[str], data_dir: Path):
    with Path("/dev/full").open("w") as full:
        refused = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert refused.returncode != 0
    assert "could not be printed" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert_secrets_are_still_to_come(data_dir)


def test_the_port_of_the_environment_gives_way_to_the_option(data_dir: Path):
    started = server.start(data_dir, "--no-tasks", FREEAI_PORT="1")

    assert started.url in started.console
    assert started.stop() == 0


def test_port_0_announces_the_one_it_got(data_dir: Path):
    with subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--no-tasks"],
        cwd=ROOT,
        env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir), "FREEAI_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = next(
            found[1]
            for line in process.stdout
            if (found := re.search(r"(http://127.0.0.1:\d+)/admin/", line))
        )
        answer = plain.get(f"{url}/livez", timeout=10)
        process.terminate()
        process.communicate(timeout=30)

    assert (answer.status_code, process.returncode) == (200, 0)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_announced_as_it_is_typed(data_dir: Path):
    started = server.start(data_dir, "--no-tasks", host=IPV6)

    answer = plain.post(
        f"{started.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {started.client_key}"},
        json={"messages": [{"role": "user", "content": "Hi"}]},
        timeout=10,
    )

    assert started.url.startswith("http://[::1]:")
    assert f"curl {started.url}/v1/chat/completions" in started.console
    assert answer.status_code == 200
    assert started.stop() == 0


def assert_secrets_are_still_to_come(data_dir: Path) -> None:
    """The next start shows them, and they work."""
    started = server.start(data_dir, "--no-tasks", from_nothing=True)
    answer = started.api("GET", "strategies")
    assert (answer.status_code, started.stop()) == (200, 0)
