"""Behind the proxies of the documents: an answer streams as it is written, sign-ins are safe, and clients keep their own addresses."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import FakeUpstream
from tests.docker.files import DOCKER
from tests.documents import Document
from tests.e2e import plain, server
from tests.e2e.nginx import command as configured
from tests.e2e.server import Server, free_port, wait_until

pytestmark = pytest.mark.slow

FRAMES, APART_MS = 80, 50
PRODUCTION: Any = {"FREEAI_PUBLIC_URL": "https://localhost", "FREEAI_TRUST_PROXY": "1"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    """With a provider that takes four seconds to write an answer."""
    upstream.default_behaviour = f"frames_{FRAMES}_{APART_MS}"
    running = server.start(tmp_path_factory.mktemp("proxied"), "--no-tasks", **PRODUCTION)
    https = {"X-Forwarded-Proto": "https", "X-Admin-Token": running.admin_token}
    with plain.Client(base_url=f"{running.url}/api", headers=https) as api:
        assert api.patch("/providers/groq", json={"base_url": upstream.url("groq")}).is_success
        assert api.patch("/me/providers/groq", json={"api_key": "gsk_" + "k" * 32}).is_success
    yield running
    running.stop()


def port_of(gateway: Server) -> str:
    return gateway.url.rpartition(":")[2]


def nginx(gateway: Server, folder: Path, port: int) -> list[str]:
    """The configuration of docs/OPERATIONS.md, without TLS, which is no matter here."""
    (block,) = [each for each in Document("OPERATIONS.md").blocks() if each.language == "nginx"]
    text = re.sub(r"^ *ssl_certificate.*\n", "", block.text, flags=re.MULTILINE)
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace(
        "127.0.0.1:8000", f"127.0.0.1:{port_of(gateway)}"
    )
    text = text.replace("$scheme", "https")
    return configured(folder, text)


def caddy(gateway: Server, folder: Path, port: int) -> list[str]:
    """docker/caddy/Caddyfile, without TLS."""
    text = (DOCKER / "caddy/Caddyfile").read_text()
    text = text.replace("{$FREEAI_DOMAIN}", f"http://localhost:{port}").replace(
        "web:8000", f"127.0.0.1:{port_of(gateway)}"
    )
    text = text.replace("flush_interval -1", "flush_interval -1\n\t\theader_up X-Forwarded-Proto https")
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n}\n" + text)
    return ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def proxied(request: pytest.FixtureRequest, gateway: Server, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a proxy in front of it."""
    command: Callable[[Server, Path, int], list[str]] = request.param
    name, port = command.__name__, free_port()
    if not shutil.which(name):
        pytest.skip(f"no {name}: apt-get install {'nginx-light' if name == 'nginx' else name}")
    log = tmp_path / "log"
    env = {"HOME": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/bin"}
    with log.open("w") as output:
        process = subprocess.Popen(
            command(gateway, tmp_path, port),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
        )
    with plain.Client(base_url=f"http://localhost:{port}", timeout=30) as http:

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return http.get("/livez").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(is_up, seconds=30)
        yield http
    process.terminate()
    process.wait(30)


def test_an_answer_comes_piece_by_piece(proxied: httpx.Client, gateway: Server):
    body = {"model": "freeai-auto", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    with proxied.stream(
        "POST", "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {gateway.client_key}"}
    ) as answer:
        arrived = [time.monotonic() for line in answer.iter_lines() if '"content":' in line]

    assert answer.status_code == 200
    # Held back, they would come together at the end of four seconds; a client that is slow may miss the beginning.
    assert arrived[-1] - arrived[0] > 0.25 * (FRAMES * APART_MS / 1000)


def test_the_admin_site_is_reached_without_a_circle(proxied: httpx.Client):
    page = proxied.get("/admin/login/", headers={"Host": "localhost"})

    assert page.status_code == 200
    assert "Secure" in page.headers["set-cookie"]


def test_a_large_body_passes(proxied: httpx.Client, gateway: Server):
    body = {"model": "freeai-auto", "messages": [{"role": "user", "content": "x" * 1_500_000}]}

    answer = proxied.post(
        "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {gateway.client_key}"}
    )

    # FreeAI's own answer, whatever it says of such a prompt.
    assert answer.headers["content-type"] == "application/json", answer.text[:200]
    assert answer.status_code != 413
