"""A signed POST to a real receiver, and to nobody else."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
from aiohttp import web

from apps.gateway.outlook.webhook import DeliveryError, Webhook, signature, why_not
from tests.gateway.receiver import Receiver, guarded, receiving

SECRET = "s" * 32
BODY = b'{"event": "quota.out"}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    made = Webhook(guarded(), total_s=0.5)
    yield made
    await made.aclose()


async def post(webhook: Webhook, url: str) -> None:
    await webhook.post(url, BODY, secret=SECRET, at=1_768_478_400)


async def test_arrives_with_a_signature_that_the_receiver_can_check(webhook: Webhook, receiver: Receiver):
    await post(webhook, receiver.url())

    ((headers, body),) = receiver.seen
    expected = hmac.new(SECRET.encode(), b"1768478400." + body, sha256).hexdigest()
    assert body == BODY
    assert (
        headers["x-freeai-signature"]
        == f"t=1768478400,v1={expected}"
        == signature(SECRET, 1_768_478_400, body)
    )
    assert headers["content-type"] == "application/json"
    assert SECRET not in str(headers)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_has_not_arrived_where_it_is_not_accepted(webhook: Webhook, receiver: Receiver, status: int):
    receiver.answers = [status]

    with pytest.raises(DeliveryError, match=f"^it answered {status}$"):
        await post(webhook, receiver.url())


async def test_a_redirect_is_not_followed(webhook: Webhook, receiver: Receiver):
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": receiver.url("/other")})

    receiver.answers = [elsewhere]

    with pytest.raises(DeliveryError, match="it answered 307"):
        await post(webhook, receiver.url())
    assert len(receiver.seen) == 1


async def test_a_receiver_that_says_nothing_is_given_up(webhook: Webhook, receiver: Receiver):
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    receiver.answers = [silent]

    with pytest.raises(DeliveryError, match=r"it took longer than 0\.5 s"):
        await post(webhook, receiver.url())


async def test_nothing_of_a_long_answer_is_read(webhook: Webhook, receiver: Receiver):
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65_536))
            sent += 65_536

    receiver.answers = [endless]

    await post(webhook, receiver.url())

    assert sent < 50_000_000


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/hook",
        "http://localhost:{port}/hook",
        "http://[::1]:{port}/hook",
        "http://169.254.169.254/latest",
        "http://internal.test:{port}/hook",
    ],
)
async def test_what_is_not_public_is_not_called(receiver: Receiver, url: str):
    strict = Webhook(total_s=2.0)

    with pytest.raises(DeliveryError) as refused:
        await post(strict, url.format(port=receiver.port))

    await strict.aclose()
    assert str(refused.value) in ("its host has no public address", "the connection failed")
    assert receiver.seen == []


async def test_a_name_that_leads_inside_is_not_called_either(webhook: Webhook, receiver: Receiver):
    with pytest.raises(DeliveryError, match="no public address"):
        await post(webhook, receiver.url(host="inside.test"))


async def test_nobody_who_listens_is_a_failed_connection(webhook: Webhook, receiver: Receiver):
    receiver.port = 1024

    with pytest.raises(DeliveryError, match=r"^the connection failed$"):
        await post(webhook, receiver.url())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example.com/x",
        "hooks.example.com/x",
        "http://user:word@hooks.example.com/x",
        "https://hooks.example.com:22/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https:///x",
        "https://hooks.example.com:port/x",
        "http://hooks example.com/",
        "http://169.254.169.254/latest",
        "http://10.0.0.7/x",
        "http://[::1]/x",
    ],
)
def test_some_addresses_are_never_called(url: str):
    assert why_not(url)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/x?token=y", "http://hooks.example.com:8080", "https://1.1.1.1/"]
)
def test_others_may_be(url: str):
    assert why_not(url) == ""
