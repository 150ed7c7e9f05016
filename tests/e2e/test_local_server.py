"""A model server on this machine, from its discovery at a start to its first answer through the gateway."""

from pathlib import Path

from fakes import FakeUpstream
from tests.e2e import server
from tests.e2e.server import wait_until

MODEL = "gpt-oss:20b"


def test_is_found_at_start_and_used_once_accepted(data_dir: Path, upstream: FakeUpstream):
    first = server.start(data_dir, "--no-tasks")
    assert first.api("PATCH", "providers/ollama", json={"base_url": upstream.url("ollama")}).is_success
    assert first.stop() == 0

    running = server.start(data_dir, "--no-tasks", console=first.console)
    log = data_dir / "console.log"
    wait_until(lambda: "find_local_servers --accept ollama" in log.read_text())
    row = running.api("GET", "providers/ollama").json()
    before = running.chat(model=f"ollama/{MODEL}")
    found = running.api("POST", "providers/find-local", json={"accept": "ollama"}).json()
    wait_until(lambda: running.chat(model=f"ollama/{MODEL}").status_code == 200)
    after = running.chat(model=f"ollama/{MODEL}")

    models = next(one["models"] for one in found if one["name"] == "ollama")
    assert MODEL in models
    assert row["found_locally"] == len(models)
    assert before.status_code != 200
    assert (after.status_code, after.json().get("provider")) == (200, "ollama")
    assert running.stop() == 0
