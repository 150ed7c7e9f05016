"""`manage.py serve` on a fresh machine: what it prints works, a second start changes nothing, everything stops."""

import re
import shlex
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e import plain, server
from tests.e2e.server import Server


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = server.start(tmp_path_factory.mktemp("first-run"), "--no-tasks", from_nothing=True)
    yield running
    running.stop()


def test_printed_curl_works_as_pasted(serving: Server):
    command = re.search(r"  (curl .*?-d '.*?')", serving.console, re.DOTALL)
    assert command, serving.console

    out = subprocess.run(
        shlex.split(command[1].replace("\\\n", " ")), capture_output=True, text=True, check=True
    ).stdout

    assert '"provider":"sandbox"' in out
    assert "sandbox" in out.lower()


def test_printed_password_opens_the_admin_site(serving: Server):
    password = re.search(r"password\s+(\S+)", serving.console)
    assert password
    with plain.Client(base_url=serving.url, follow_redirects=True) as browser:
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', browser.get("/admin/login/").text)
        assert token

        page = browser.post(
            "/admin/login/?next=/admin/",
            data={"username": "admin", "password": password[1], "csrfmiddlewaretoken": token[1]},
            headers={"Referer": f"{serving.url}/admin/login/"},
        )

        assert "Sign out" in page.text
        for path in (
            "providers/provider",
            "providers/credential",
            "clients/clientkey",
            "strategies/strategy",
            "gateway/appconfig",
            "analytics/usageeventrow",
        ):
            assert browser.get(f"/admin/{path}/").status_code == 200, path


def test_secrets_are_readable_by_their_owner_only(serving: Server):
    files = list((serving.data_dir / "secrets").iterdir())

    assert {file.name for file in files} == {"secret_key", "master_keys"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_second_start_prints_no_secret_and_keeps_the_first_ones(data_dir: Path):
    first = server.start(data_dir, "--no-tasks", from_nothing=True)
    assert first.stop() == 0

    second = server.start(data_dir, "--no-tasks")

    try:
        assert "fai_" not in second.console
        answer = plain.post(
            f"{second.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {first.client_key}"},
            json={"messages": [{"role": "user", "content": "Hi"}]},
        )
        assert answer.status_code == 200
    finally:
        assert second.stop() == 0


def test_ctrl_c_stops_celery_too(data_dir: Path):
    running = server.start(data_dir)
    children = running.children()
    assert any("freeai.embedded" in " ".join(child.cmdline()) for child in children)

    assert running.stop() == 0

    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_celery_ends_when_the_gateway_is_killed(data_dir: Path):
    running = server.start(data_dir)
    children = running.children()
    assert children

    running.kill()

    _, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []


def test_wrong_master_key_refuses_to_start(data_dir: Path):
    first = server.start(data_dir, "--no-tasks")
    stored = first.api("PATCH", "me/providers/groq", json={"api_key": "gsk_test_0123456789abcdef"})
    assert stored.status_code == 200
    first.stop()
    (data_dir / "secrets" / "master_keys").unlink()

    with pytest.raises(AssertionError, match=r"cannot be decrypted.* nor \S+secrets/master_keys\. "):
        server.start(data_dir, "--no-tasks")


def test_ctrl_c_lets_an_open_stream_end(data_dir: Path):
    running = server.start(data_dir, "--no-tasks")
    request = {
        "model": "sandbox/slow",
        "stream": True,
        "messages": [{"role": "user", "content": "Take your time"}],
    }

    with plain.stream(
        "POST",
        f"{running.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {running.client_key}"},
        json=request,
        timeout=30,
    ) as response:
        running.process.send_signal(signal.SIGINT)
        body = response.read().decode()

    assert body.endswith("data: [DONE]\n\n")
    assert '"error"' not in body
    assert running.process.wait(30) == 0


def test_second_gateway_on_the_same_data_directory_is_refused(data_dir: Path):
    first = server.start(data_dir, "--no-tasks")

    with pytest.raises(AssertionError, match="Another gateway serves from"):
        server.start(data_dir, "--no-tasks")

    assert first.stop() == 0


def test_sigterm_stops_celery_and_exits_cleanly(data_dir: Path):
    running = server.start(data_dir)
    children = running.children()
    assert children

    running.process.terminate()

    assert running.process.wait(30) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
