"""Where no provider is: what clouds tell their machines is not to be had by a base URL, written or resolved."""

import socket

import pytest
from aiohttp import web

from apps.providers.aiohttp_engine import AiohttpTransport
from apps.providers.blocking_calls import call
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.http.engine import HttpTransport
from apps.providers.types import UpstreamRequest
from apps.providers.upstream import Timeouts
from apps.providers.upstream_hosts import is_private, why_not
from tests.providers.probed import Page, running

NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "[fe80::1]",
    "[fe80::1%eth0]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[::169.254.169.254]",
    "[::ffff:0:169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:1:2:3:4:5601:5601]",
    "[2606:4700::5efe:169.254.169.254]",
    "[2606:4700::200:5efe:169.254.169.254]",
    "[fd00:c1::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "0.0.0.0",  # noqa: S104
    "[::]",
    "224.0.0.1",
    "255.255.255.255",
    "metadata",
    "metadata.google.internal",
    "metadata.google.internal.",
    "",
    ".",
    "a..b",
    "-a.test",
    "a b",
    "x" * 64 + ".test",
]
FINE = {
    "api.acme.test": False,
    "api.acme.test.": False,
    "1.1.1.1": False,
    "[2606:4700::1111]": False,
    "[2002:101:101::1]": False,
    "[64:ff9b::101:101]": False,
    "[::10.0.0.7]": True,
    "my_server": False,
    "127.0.0.1": True,
    "2130706433": True,
    "[::1]": True,
    "10.0.0.7": True,
    "192.168.1.10": True,
    "[fd12:3456::1]": True,
    "localhost": True,
    "gpu.local": True,
}


@pytest.mark.parametrize("host", NEVER)
def test_refused_when_it_is_written(host):
    assert why_not(host)


@pytest.mark.parametrize("host", FINE)
def test_taken(host):
    assert (why_not(host), is_private(host)) == ("", FINE[host])


@pytest.fixture
def misled(monkeypatch):
    """Names lead to a cloud's metadata."""

    def getaddrinfo(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", int(port or 0)))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


REQUEST = UpstreamRequest(url="http://nice.test/v1/models", headers={}, body=b"", method="GET")


@pytest.mark.usefixtures("misled")
@pytest.mark.parametrize("engine", [HttpTransport, AiohttpTransport])
async def test_refused_when_it_is_called(engine):
    transport = engine()
    with pytest.raises(UpstreamError) as refused:
        await transport.open(REQUEST, Timeouts(1, 1))
    await transport.aclose()

    assert (refused.value.kind, refused.value.timed_out) == (ErrorKind.NETWORK, False)
    assert "resolve" in refused.value.message


@pytest.mark.usefixtures("misled")
def test_refused_by_tests_of_keys_and_lists():
    with pytest.raises(UpstreamError, match="no provider is at this address"):
        call(REQUEST, 1)


def test_what_a_name_leads_to_a_moment_later_is_not_called(monkeypatch):
    with running(lambda: Page(b"{}")) as url:
        port = int(url.split(":")[2].partition("/")[0])
        addresses = iter(["127.0.0.1"])

        def getaddrinfo(*_, **__):
            address = next(addresses, "169.254.169.254")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        answer = call(
            UpstreamRequest(url=f"http://nice.test:{port}/v1", headers={}, body=b"", method="GET"), 3
        )

    assert answer.body == b"{}"


class AtOnce(Page):
    """The same, not byte by byte."""

    async def handle(self, request):
        return web.Response(**self.answer)


MANY = b"[" + b"{}," * 600_000 + b"{}]"


def test_an_answer_of_many_values_is_not_decoded():
    with running(lambda: AtOnce(MANY)) as url, pytest.raises(UpstreamError, match="too many values"):
        call(UpstreamRequest(url=url, headers={}, body=b"", method="GET"), 5)


def test_of_a_refusal_the_beginning_is_read():
    with running(lambda: AtOnce(MANY, status=500)) as url:
        answer = call(UpstreamRequest(url=url, headers={}, body=b"", method="GET"), 5)

    assert (answer.status, answer.body) == (500, MANY[: 64 * 1024])
