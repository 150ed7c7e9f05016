"""TLS to upstreams: whom we believe, what we speak, and what is resumed."""

import asyncio
import ssl
from datetime import timedelta

import pytest

from apps.providers.errors import UpstreamError
from apps.providers.http.engine import HttpTransport
from apps.providers.upstream import Timeouts
from tests.providers.http.authority import Authority
from tests.providers.http.conftest import Upstream, opened, read


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def secure():
    """`serve(context)`: an upstream with TLS, and the sessions it saw."""
    servers, made = [], Upstream()

    async def serve(context):
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
        servers.append(server)
        made.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
        return made

    yield serve
    for server in servers:
        server.close()
    await made.stop()


@pytest.fixture
async def trusting(monkeypatch, authority):
    """Our engine, where the system believes that authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    made = HttpTransport()
    yield made
    await made.aclose()


async def test_who_nobody_vouches_for_is_refused(transport, secure, authority):
    upstream = await secure(authority.server("localhost"))

    with pytest.raises(UpstreamError, match="TLS certificate was refused"):
        await read(transport, upstream.url)

    assert upstream.heads == []


@pytest.mark.parametrize(
    ("host", "lasts"), [("elsewhere.test", timedelta(days=1)), ("localhost", -timedelta(days=1))]
)
async def test_another_name_or_an_old_one_is_refused(trusting, secure, authority, host, lasts):
    upstream = await secure(authority.server(host, lasts=lasts))

    with pytest.raises(UpstreamError, match="TLS certificate was refused"):
        await read(trusting, upstream.url)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_calls_share_a_connection_and_connections_a_session(trusting, secure, authority, version):
    context = authority.server("localhost")
    context.minimum_version = context.maximum_version = version
    upstream = await secure(context)

    for _ in range(3):
        assert await read(trusting, upstream.url) == (200, b"ok")
    assert upstream.connections == 1
    await asyncio.gather(*(read(trusting, upstream.url) for _ in range(2)))

    assert upstream.connections == 2
    assert context.session_stats()["hits"] == 1


async def test_a_session_is_that_of_its_host(trusting, secure, authority):
    context = authority.server("localhost")
    upstream = await secure(context)
    await read(trusting, upstream.url)

    with pytest.raises(UpstreamError, match="TLS certificate was refused"):
        await read(trusting, upstream.url.replace("localhost", "127.0.0.1"))

    assert context.session_stats()["hits"] == 0


async def test_http_1_is_what_is_agreed_on(trusting, secure, authority):
    upstream = await secure(authority.server("localhost"))
    agreed = []
    serve = upstream._one

    async def one(reader, writer):
        agreed.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await serve(reader, writer)

    upstream._one = one
    await read(trusting, upstream.url)

    assert agreed[0] == "http/1.1"


async def test_a_large_body_and_a_large_answer(trusting, secure, authority):
    upstream = await secure(authority.server("localhost"))
    body = b"x" * 3_000_000
    upstream.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n", body)

    assert await read(trusting, upstream.url, body=body) == (200, body)


async def test_a_handshake_that_never_ends_is_out_of_time(transport, upstream):
    held = []
    server = await asyncio.start_server(lambda *streams: held.append(streams), "127.0.0.1", 0)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"

    with pytest.raises(UpstreamError) as failure:
        await opened(transport, url, timeouts=Timeouts(0.3, 0.3))

    assert failure.value.timed_out
    ((reader, writer),) = held
    while await reader.read(10_000):
        pass
    writer.close()
    server.close()


async def test_who_is_cancelled_in_a_handshake_leaves_no_connection(own):
    held: asyncio.Queue = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: held.put_nowait(streams), "127.0.0.1", 0)
    call = asyncio.create_task(opened(own, f"https://localhost:{server.sockets[0].getsockname()[1]}/"))
    reader, writer = await held.get()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    async with asyncio.timeout(5):
        while await reader.read(10_000):
            pass
    writer.close()
    server.close()
