"""Calls of web pages from other origins: closed by default, and never with cookies."""

import pytest

from tests.asgi import chat_body
from tests.edges import BOTH
from tests.gateway.conftest import Gateway

pytestmark = BOTH

CHAT = "/v1/chat/completions"
PAGE = "https://chat.example.com"
PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}


@pytest.fixture
def opened(gateway: Gateway, settings):
    settings.FREEAI_CORS_ORIGINS = frozenset({PAGE})
    gateway.add("groq", "ok")
    return gateway


async def ask(gateway: Gateway, origin: str = PAGE, **fields):
    return await gateway.client.request("POST", CHAT, chat_body(**fields), {"origin": origin})


async def test_nothing_is_open_unless_it_is_configured(gateway: Gateway):
    gateway.add("groq", "ok")

    preflight = await gateway.client.request("OPTIONS", CHAT, headers=PREFLIGHT)
    answer = await ask(gateway)

    assert preflight.status == 405
    assert not [name for name in {**preflight.headers, **answer.headers} if name.startswith("access-control")]


async def test_preflight_allows_what_clients_send(opened: Gateway):
    answer = await opened.client.request("OPTIONS", CHAT, headers=PREFLIGHT)

    assert answer.status == 204
    assert answer.body == b""
    assert "content-length" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-lang"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "origin" in answer.headers["vary"]


FOR_OTHERS = {"x-accel-buffering", "x-content-type-options"}
"""Headers for proxies and for the browser itself."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_allowed_page_reads_the_answer_and_its_headers(opened: Gateway, stream):
    answer = await ask(opened, stream=stream)

    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    ours = {name for name in answer.headers if name.startswith("x-")} - FOR_OTHERS
    assert ours <= exposed


async def test_allowed_page_reads_errors_too(opened: Gateway):
    wrong_field = await ask(opened, temperature="warm")
    wrong_path = await opened.client.request("GET", "/v1/nowhere", headers={"origin": PAGE})

    assert (wrong_field.status, wrong_path.status) == (400, 404)
    for answer in (wrong_field, wrong_path):
        assert answer.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "https://chat.example.com.evil.com", "null", ""]
)
async def test_other_pages_read_nothing(opened: Gateway, origin):
    preflight = await opened.client.request("OPTIONS", CHAT, headers={**PREFLIGHT, "origin": origin})
    answer = await ask(opened, origin)

    assert "access-control-allow-origin" not in {**preflight.headers, **answer.headers}
    assert answer.headers["vary"] == "origin"


async def test_a_star_opens_to_every_page(opened: Gateway, settings):
    settings.FREEAI_CORS_ORIGINS = frozenset({"*"})

    answer = await ask(opened, "https://anything.example.com")

    assert answer.headers["access-control-allow-origin"] == "*"


async def test_cookies_never_count(opened: Gateway):
    preflight = await opened.client.request("OPTIONS", CHAT, headers=PREFLIGHT)
    answer = await ask(opened)

    assert "access-control-allow-credentials" not in {**preflight.headers, **answer.headers}


async def test_the_key_is_asked_for_all_the_same(opened: Gateway):
    answer = await opened.client.request("POST", CHAT, chat_body(), {"origin": PAGE, "authorization": ""})

    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_only_the_client_api_is_open(opened: Gateway):
    answer = await opened.client.request("GET", "/livez", headers={"origin": PAGE})

    assert "access-control-allow-origin" not in answer.headers
