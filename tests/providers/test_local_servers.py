"""Model servers on this machine: real ones on loopback, and what is not taken for one."""

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager, closing

import pytest
from aiohttp import web

from apps.providers import local_servers
from apps.providers.local_servers import LocalServer, Place, find, is_local
from apps.providers.types import Preset
from apps.providers.wires import Probe
from tests.providers.probed import Page

OLLAMA = {"object": "list", "data": [{"id": "llama3.2:3b", "object": "model", "owned_by": "library"}]}


def listing(*names):
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


def place(url, name="ollama", **preset):
    return Place(name, url, Preset(**preset))


@asynccontextmanager
async def server(handle, host="127.0.0.1"):
    """`handle` answers everything; the base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, 0).start()
        yield f"http://localhost:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def test_finds_a_server_with_one_get_of_its_model_list():
    seen = []

    async def handle(request):
        seen.append((request.method, request.path, request.host, request.headers.get("authorization")))
        return web.json_response(OLLAMA)

    async with server(handle) as url:
        found = await find([place(url)])

    assert found == [LocalServer("ollama", ("llama3.2:3b",))]
    assert seen == [("GET", "/v1/models", url.removeprefix("http://").removesuffix("/v1"), None)]


async def test_localhost_means_ipv6_as_well():
    async def handle(_request):
        return web.json_response(OLLAMA)

    try:
        async with server(handle, host="::1") as url:
            assert len(await find([place(url)])) == 1
    except OSError:
        pytest.skip("this machine has no IPv6")


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (listing("a", "b", "a"), ("a", "b")),
        (listing(), ()),
        (b'{"object": "list", "data": null}', ()),
        (
            b'{"object": "list", "data": [{"id": "a", "meta": {"n_ctx": 1}}], "models": [{"name": "a"}]}',
            ("a",),
        ),
    ],
)
async def test_lists_the_models_each_once(body, models):
    async with Page(body) as url:
        assert await find([place(url)]) == [LocalServer("ollama", models)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>Jenkins</html>", 200),
        (b"", 200),
        (b"[]", 200),
        (b"{}", 200),
        (b'{"data": [{"id": "a"}]}', 200),
        (b'{"object": "list", "data": {"id": "a"}}', 200),
        (b'{"object": "list", "data": [{"id": 1}]}', 200),
        (b'{"object": "list", "data": ["a"]}', 200),
        (b"[" * 10_000, 200),
        (listing("x" * 201), 200),
        (listing("a"), 201),
        (listing("a"), 401),
        (listing("a"), 500),
    ],
)
async def test_what_answers_otherwise_is_no_model_server(body, status):
    async with Page(body, status) as url:
        assert await find([place(url)]) == []


async def test_freeai_is_no_model_server():
    body = {"object": "list", "data": [{"id": "freeai-auto", "owned_by": "freeai"}]}

    async with Page(json.dumps(body).encode()) as url:
        assert await find([place(url)]) == []


async def test_a_redirect_is_not_followed():
    async with (
        Page(listing("a")) as there,
        Page(b"", 302, location=f"{there}/models") as url,
    ):
        assert await find([place(url)]) == []


@pytest.mark.parametrize("delay_s", [0.2, 5.0])
async def test_a_trickle_is_given_up_in_time(monkeypatch, delay_s):
    monkeypatch.setattr(local_servers, "TIMEOUT_S", 0.5)
    began = time.monotonic()

    async with Page(listing(*"abcdefgh"), delay_s=delay_s) as url:
        assert await find([place(url)]) == []
        assert time.monotonic() - began < 2


async def test_a_server_that_never_answers_does_not_hold_up_the_others(monkeypatch):
    monkeypatch.setattr(local_servers, "TIMEOUT_S", 0.5)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        async with Page(listing("a")) as url:
            began = time.monotonic()
            found = await find([place(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", "vllm"), place(url)])

    assert [one.provider for one in found] == ["ollama"]
    assert time.monotonic() - began < 2


async def test_a_huge_body_is_given_up():
    sent = 0

    async def handle(request):
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 64 * local_servers.MAX_BYTES:
            await response.write(b" " * 65_536)
            sent += 65_536
        return response

    async with server(handle) as url:
        assert await find([place(url)]) == []
    assert sent < 16 * local_servers.MAX_BYTES


async def test_does_not_ask_itself():
    asked = []

    async def handle(request):
        asked.append(request.path)
        return web.json_response(OLLAMA)

    async with server(handle) as url:
        port = int(url.split(":")[2].split("/")[0])
        for own in [("127.0.0.1", port), ("0.0.0.0", port)]:  # noqa: S104 - compared, not bound
            assert await find([place(url)], [own]) == []
        assert asked == []

        assert len(await find([place(url)], [("192.0.2.1", port), ("127.0.0.1", port + 1)])) == 1


async def test_a_model_list_that_lies_elsewhere_is_not_asked_for():
    async with Page(listing("a")) as url:
        port = url.split(":")[2].split("/")[0]
        for elsewhere in (
            f"http://localhost.test:{port}/models",
            f"http://192.0.2.1:{port}/models",
            "http://[/",
        ):
            assert await find([place(url, probe=Probe(url=elsewhere))]) == []
        assert await find([place(url, probe=Probe(kind="chat"))]) == []


@pytest.mark.parametrize(
    ("base_url", "local"),
    [
        ("http://localhost:11434/v1", True),
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:8000/v1", True),
        ("https://localhost/v1", False),
        ("http://0.0.0.0:8000/v1", False),
        ("http://192.168.0.2:11434/v1", False),
        ("http://169.254.169.254/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://localhost@example.com/v1", False),
        ("http://me@localhost:1/v1", False),
        ("http://ollama:11434/v1", False),
        ("http://[::ffff:10.0.0.1]/v1", False),
        ("sandbox://local/v1", False),
        ("http://[/v1", False),
        ("", False),
    ],
)
def test_only_loopback_is_local(base_url, local):
    assert is_local(base_url, requires_key=False) is local
    assert not is_local(base_url, requires_key=True)


async def test_all_are_asked_at_once():
    async def handle(_request):
        await asyncio.sleep(0.3)
        return web.json_response(OLLAMA)

    async with server(handle) as url:
        began = time.monotonic()
        assert len(await find([place(url, str(number)) for number in range(6)])) == 6

    assert time.monotonic() - began < 1.5
