"""The master key is changed while a gateway serves: no request fails, every stored key stays readable, and the old one can go."""

import json
import os
import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from fakes import FakeUpstream, Limits
from tests.e2e import server
from tests.e2e.entrances import manage
from tests.e2e.load import Load
from tests.e2e.server import Server

pytestmark = pytest.mark.slow

UNLIMITED = dict.fromkeys(("second", "minute", "hour", "day", "month"), 0)
BEFORE, MEANWHILE, AFTERWARDS = "groq", "mistral", "cerebras"


def store(gateway: Server, upstream: FakeUpstream, name: str) -> None:
    """A key for the provider, which is one of the fakes and has no limits."""
    upstream.limit(name, Limits(requests_per_minute=10**6, requests_per_day=10**6, tokens_per_minute=10**9))
    limits = {"requests": UNLIMITED, "tokens": UNLIMITED}
    for path, body in (
        (f"providers/{name}", {"base_url": upstream.url(name)}),
        (f"me/providers/{name}", {"api_key": key_of(name), "limits": limits}),
    ):
        answer = gateway.api("PATCH", path, json=body)
        assert answer.status_code == 200, answer.text


def key_of(name: str) -> str:
    return f"key-of-{name}-0123456789"


def used(gateway: Server, upstream: FakeUpstream, name: str) -> bool:
    """Whether a request that is pinned to the provider is answered, by its key."""
    model = gateway.api("GET", f"providers/{name}").json()["default_model"]
    answer = gateway.chat(model=f"{name}/{model}")
    assert answer.status_code == 200, answer.text
    last = upstream.journal[-1]
    return last.provider == name and last.headers["authorization"] == f"Bearer {key_of(name)}"


def ciphertexts(data_dir: Path) -> list[str]:
    with sqlite3.connect(data_dir / "freeai.sqlite3") as database:
        rows = database.execute("SELECT encrypted_key FROM providers_credential WHERE encrypted_key <> ''")
        return [text for (text,) in rows]


def put_master_keys(data_dir: Path, *keys: str) -> None:
    """As an operator who replaces the file."""
    draft = data_dir / "secrets" / "draft"
    draft.write_text(",".join(keys) + "\n")
    os.replace(draft, data_dir / "secrets" / "master_keys")


def rotate(data_dir: Path, **env: str) -> dict:
    ended = manage("rotate_master_key", "--json", data_dir=data_dir, **env)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def load() -> Load:
    return Load()


def test_without_a_restart(data_dir: Path, upstream: FakeUpstream, load: Load):
    gateway = server.start(data_dir, "--no-tasks")
    old = (data_dir / "secrets" / "master_keys").read_text().strip()
    new = Fernet.generate_key().decode()
    try:
        store(gateway, upstream, BEFORE)
        with load.on(gateway):
            load.more()
            put_master_keys(data_dir, new, old)
            store(gateway, upstream, MEANWHILE)
            told = rotate(data_dir)
            store(gateway, upstream, AFTERWARDS)
            load.more()
            put_master_keys(data_dir, new)
            assert gateway.api("PATCH", "providers/groq", json={"weight": 2}).status_code == 200
            load.more()
        names = (BEFORE, MEANWHILE, AFTERWARDS)
        assert [used(gateway, upstream, name) for name in names] == [True, True, True]
    finally:
        gateway.stop()

    assert set(load.outcomes) == {200}, load.wrong[:3]
    assert told == {"rotated": 2, "unreadable": [], "left": 0}
    assert sorted(Fernet(new).decrypt(text).decode() for text in ciphertexts(data_dir)) == sorted(
        map(key_of, names)
    )
    assert "credential.unusable" not in (data_dir / "console.log").read_text()
    again = server.start(data_dir, "--no-tasks", console=gateway.console)
    assert again.stop() == 0


def test_with_a_restart_for_each_change(data_dir: Path, upstream: FakeUpstream, load: Load):
    """Where the environment gives the keys, a process keeps those that it was started with."""
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    both = f"{new},{old}"
    gateway = server.start(data_dir, "--no-tasks", FREEAI_MASTER_KEYS=old)
    console = gateway.console
    try:
        store(gateway, upstream, BEFORE)
        with load.on(gateway):
            load.more()
            gateway = restarted(gateway, load, console, both)
            store(gateway, upstream, MEANWHILE)
            told = rotate(data_dir, FREEAI_MASTER_KEYS=both)
            store(gateway, upstream, AFTERWARDS)
            load.more()
            gateway = restarted(gateway, load, console, new)
        names = (BEFORE, MEANWHILE, AFTERWARDS)
        assert [used(gateway, upstream, name) for name in names] == [True, True, True]
    finally:
        gateway.stop()

    assert set(load.outcomes) == {200}, load.wrong[:3]
    assert told == {"rotated": 2, "unreadable": [], "left": 0}
    assert not (data_dir / "secrets" / "master_keys").exists()


def restarted(gateway: Server, load: Load, console: str, master_keys: str) -> Server:
    """Another process in its place, which has answered."""
    with load.paused():
        assert gateway.stop() == 0
        again = server.start(gateway.data_dir, "--no-tasks", console=console, FREEAI_MASTER_KEYS=master_keys)
        load.url = again.url
    load.more()
    return again
