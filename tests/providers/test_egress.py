"""Which hosts a client's URL may lead to. The requests that pass go to a server on loopback, through a resolver of the tests' own."""

import datetime
import socket
import ssl
from ipaddress import ip_address

import httpx
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.providers.egress import ForbiddenTargetError, GuardedTransport, checked_target, is_public

LOOPBACK = "127.0.0.1"


class Resolver:
    """Answers with each of `answers` in turn, then with the last; notes what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def get(url, resolver, may_reach=is_public):
    transport = GuardedTransport(resolve=resolver, may_reach=may_reach)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        return await client.get(url)


@pytest.fixture
async def port():
    """The port of a server on loopback that answers with the Host header."""

    async def show_host(request):
        return web.Response(text=request.headers["Host"])

    app = web.Application()
    app.router.add_get("/{path:.*}", show_host)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fe80::a9fe:a9fe", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1", "::127.0.0.1", "::8.8.8.8"),
    *(
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:808:808::1",
        "2001:0:53aa:64c::1",
        "2001:db8::1",
        "3fff::1",
    ),
    *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "100::1", "5f00::1"),
]
PUBLIC = ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_off_the_open_internet_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
async def test_refuses_a_url_with_such_an_address_without_asking_anybody(address):
    resolver = Resolver(["8.8.8.8"])
    host = f"[{address}]" if ":" in address else address

    with pytest.raises(ForbiddenTargetError):
        await get(f"http://{host}/", resolver)

    assert resolver.asked == []


@pytest.mark.parametrize("address", PRIVATE)
async def test_refuses_a_name_with_such_an_address(address):
    with pytest.raises(ForbiddenTargetError, match="no public address"):
        await get("https://innocent.test/", Resolver([address]))


async def test_refuses_a_name_with_one_such_address_among_good_ones():
    with pytest.raises(ForbiddenTargetError):
        await get("https://innocent.test/", Resolver(["8.8.8.8", "2606:4700::1111", "10.0.0.1"]))


@pytest.mark.parametrize(
    "answer",
    [
        [],
        ["not an address"],
        ["fe80::1%eth0"],
        socket.gaierror(-2, "unknown"),
        UnicodeError("label too long"),
    ],
)
async def test_a_name_that_does_not_resolve_is_refused_in_the_same_words_as_a_private_one(answer):
    with pytest.raises(ForbiddenTargetError, match=r"^its host has no public address$"):
        await get("https://innocent.test/", Resolver(answer))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://a.test/",
            "file:///etc/passwd",
            "gopher://a.test/",
            "//a.test/x",
            "/etc/passwd",
            "http:///x",
        ),
        *("http://user@a.test/", "http://user:pass@a.test/", "http://:pass@a.test/"),
        *("http://a.test:0/", "http://a.test:22/", "http://a.test:25/", "http://a.test:99999/"),
        *("http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://0177.0.0.1/"),
        *("http://0x7f.1/", "http://127.1/", "http://127.0.0.01/", "http://10.0x1/", "http://1.2.3.4.5/"),
        *("http://134744072/", "http://0x/", "http://2130706433./", "http://a.0X7F/"),
        *("http://ex\\ample.test/", "http://a%2eb.test/", "http://a b.test/", "http://a..test/", "http://./"),
        *("http://[fe80::1%25eth0]/", "http://[::1%251]/"),
    ],
)
def test_refuses_a_url_by_its_form(url):
    with pytest.raises((ForbiddenTargetError, httpx.InvalidURL)):
        checked_target(httpx.URL(url))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://a.test/x", ("a.test", 80)),
        ("HTTPS://A.Test./x", ("a.test", 443)),
        ("https://bücher.test:8443/", ("xn--bcher-kva.test", 8443)),
        ("http://8.8.8.8./", ("8.8.8.8", 80)),
        ("http://[2606:4700::1111]:1024/", ("2606:4700::1111", 1024)),
        ("http://my_bucket.s3-9.test/", ("my_bucket.s3-9.test", 80)),
    ],
)
def test_takes_ordinary_urls(url, target):
    assert checked_target(httpx.URL(url)) == target


async def test_connects_to_the_checked_address_and_keeps_the_name(port):
    resolver = Resolver([LOOPBACK])

    answer = await get(f"http://images.test:{port}/a.png", resolver, lambda address: True)

    assert answer.text == f"images.test:{port}"


async def test_a_resolver_that_changes_its_mind_is_not_asked_again(port):
    """The name exists nowhere else, and what the resolver would say next is forbidden: only a pinned connection gets through."""
    resolver = Resolver([LOOPBACK], ["169.254.169.254"])

    answer = await get(f"http://images.test:{port}/", resolver, lambda address: str(address) == LOOPBACK)

    assert answer.status_code == 200
    assert resolver.asked == [("images.test", port)]


async def test_every_request_is_checked_anew(port):
    resolver = Resolver([LOOPBACK], ["169.254.169.254"])
    transport = GuardedTransport(resolve=resolver, may_reach=lambda address: str(address) == LOOPBACK)

    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        await client.get(f"http://images.test:{port}/")
        with pytest.raises(ForbiddenTargetError):
            await client.get(f"http://images.test:{port}/")


async def test_tries_the_next_address_when_one_does_not_answer(port):
    resolver = Resolver(["127.0.0.2", LOOPBACK])

    answer = await get(f"http://images.test:{port}/", resolver, lambda address: True)

    assert answer.status_code == 200


async def test_tls_is_for_the_name_and_the_certificate_is_checked(tmp_path):
    seen = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    context.sni_callback = lambda connection, name, context: seen.append(name)
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await get(
            f"https://images.test:{runner.addresses[0][1]}/", Resolver([LOOPBACK]), lambda address: True
        )
    await runner.cleanup()

    assert seen == ["images.test"]


def _certificate(folder):
    """Certificate and key of images.test, signed by itself, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "images.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("images.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "images.pem"
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path
