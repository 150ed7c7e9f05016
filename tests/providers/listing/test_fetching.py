"""Reading the pages of a model list from servers that mean well, and from those that do not."""

import asyncio
import gzip
import json
import time
from itertools import count

import pytest
from aiohttp import web
from msgspec.structs import replace

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.listing import fetching
from apps.providers.listing.fetching import fetch_list
from apps.providers.listing.reading import read
from apps.providers.listing.tables import Listing, Paging
from apps.providers.presets import parse_preset
from apps.providers.types import Preset, Secret
from tests.factories import API_KEY, make_offer
from tests.providers.listings import ENTRIES, entry
from tests.providers.probed import Page, SlowHead, running

LINKED = Listing(paging=Paging(kind="link", next="links.next"))
TOKENS = Listing(paging=Paging(kind="token", parameter="page_token", next="next"))


class Site:
    """A server of the test's own: `handler` answers every request; `asked` holds their paths and keys."""

    def __init__(self, handler):
        self.handler = handler
        self.asked = []

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *error):
        await self.runner.cleanup()

    async def handle(self, request):
        self.asked.append(request.path_qs)
        answer = self.handler(request)
        if isinstance(answer, web.Response):
            return answer
        return web.json_response(answer)


def offer_at(url, listing=LINKED, **fields):
    return make_offer(base_url=url, preset=Preset(listing=listing), **fields)


def refusal_of(url, listing=LINKED):
    with pytest.raises(UpstreamError) as failure:
        fetch_list(offer_at(url, listing))
    return failure.value


@pytest.mark.parametrize("name", ["openrouter", "gemini", "cohere"])
def test_reads_every_page_as_the_provider_pages(fake, name):
    key = {"openrouter": "id"}.get(name, "name")
    fake.list_models(name, [{key: f"model-{number}"} for number in range(25)])
    fake.lists.page_most = 10
    preset = parse_preset(ENTRIES[name].wire)

    found = fetch_list(make_offer(provider=name, base_url=fake.url(name), preset=preset))

    assert [len(page) for page in found.pages] == [10, 10, 5]
    assert found.is_whole
    assert read(found.pages, preset.listing).names == {f"model-{number}" for number in range(25)}


def test_a_list_in_numbered_pages_ends_with_one_that_is_not_full(fake):
    fake.list_models("cloudflare", [{"name": f"@cf/model-{number}"} for number in range(250)])
    preset = parse_preset(ENTRIES["cloudflare"].wire)

    found = fetch_list(make_offer(provider="cloudflare", base_url=fake.url("cloudflare"), preset=preset))

    assert [len(page) for page in found.pages] == [100, 100, 50]
    assert [received.query["page"] for received in fake.journal[1:]] == ["2", "3"]


def test_a_bare_array_is_one_page(fake):
    preset = parse_preset(ENTRIES["together"].wire)

    found = fetch_list(make_offer(provider="together", base_url=fake.url("together"), preset=preset))

    assert (len(found.pages), found.is_whole) == (1, True)


def test_the_key_goes_with_the_call(fake):
    fetch_list(make_offer(base_url=fake.url("groq"), preset=parse_preset(ENTRIES["groq"].wire)))

    assert fake.journal[0].headers["authorization"] == f"Bearer {API_KEY}"


def test_a_refused_key_says_so(fake):
    with pytest.raises(UpstreamError) as failure:
        fetch_list(
            make_offer(base_url=fake.url("groq"), api_key=Secret("gsk_bad_0123456789"), preset=Preset())
        )

    assert failure.value.kind is ErrorKind.AUTH


def test_a_page_that_fails_fails_the_list(fake):
    fake.list_models("openrouter", [entry(f"a/{number}") for number in range(5)])
    fake.lists.page_most = 2
    fake.script("openrouter", ["ok", "error_500"], family="models")

    with pytest.raises(UpstreamError):
        fetch_list(
            make_offer(base_url=fake.url("openrouter"), preset=parse_preset(ENTRIES["openrouter"].wire))
        )


def test_pages_without_end_are_cut():
    pages = count(1)

    with running(lambda: Site(lambda request: {"data": [entry("a/b")], "next": str(next(pages))})) as site:
        found = fetch_list(offer_at(site.url, TOKENS))

    assert len(site.asked) == fetching.MAX_PAGES
    assert not found.is_whole


def test_a_page_that_leads_to_itself_is_read_once():
    with running(
        lambda: Site(lambda request: {"data": [entry("a/b")], "links": {"next": "/v1/models"}})
    ) as site:
        found = fetch_list(offer_at(site.url))

    assert len(site.asked) == 1
    assert not found.is_whole


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.test/models",
        "//elsewhere.test/models",
        "http://[bad",
        5,
        ["models"],
        "x" * 5_000,
        {"a": 1},
    ],
)
def test_a_link_leads_to_no_other_server(link):
    with running(lambda: Site(lambda request: {"data": [entry("a/b")], "links": {"next": link}})) as site:
        failure = refusal_of(site.url)

    assert failure.kind is ErrorKind.PARSING
    assert len(site.asked) == 1


def test_a_redirect_is_not_followed():
    def away(request):
        return web.Response(status=302, headers={"location": "/v1/elsewhere"})

    with running(lambda: Site(away)) as site:
        refusal_of(site.url)

    assert site.asked == ["/v1/models"]


def test_more_entries_than_anybody_offers_are_cut():
    many = [{"id": f"m{number}"} for number in range(fetching.MAX_ENTRIES + 1)]

    with running(lambda: Site(lambda request: {"data": many})) as site:
        assert not fetch_list(offer_at(site.url)).is_whole


def test_millions_of_values_are_refused_unread():
    body = b'{"data": [' + b",".join([b"[[],[]]"] * 400_000) + b"]}"

    with running(lambda: Site(lambda request: web.Response(body=body))) as site:
        assert "too many values" in refusal_of(site.url).message


def test_what_unpacks_to_more_than_an_answer_may_have_is_refused():
    body = gzip.compress(b'{"data": [' + b" " * (20 * 1024 * 1024) + b"]}")
    packed = {"content-encoding": "gzip"}

    with running(lambda: Site(lambda request: web.Response(body=body, headers=packed))) as site:
        assert "larger than" in refusal_of(site.url).message


def test_an_answer_that_trickles_is_given_up():
    body = json.dumps({"data": [entry("a/b")]}).encode()
    listing = replace(LINKED, timeout_s=0.5)

    with running(lambda: Page(body, delay_s=0.05)) as url:
        failure = refusal_of(url, listing)

    assert failure.timed_out


def test_a_head_that_trickles_is_given_up():
    with running(lambda: SlowHead(0.05)) as url:
        began = time.monotonic()
        failure = refusal_of(url, replace(LINKED, timeout_s=0.5))

    assert failure.timed_out
    assert time.monotonic() - began < 3


def test_all_pages_together_have_one_time():
    pages = count(1)

    class Slow(Site):
        async def handle(self, request):
            await asyncio.sleep(0.3)
            return await super().handle(request)

    with running(lambda: Slow(lambda request: {"data": [entry("a/b")], "next": str(next(pages))})) as site:
        failure = refusal_of(site.url, replace(TOKENS, timeout_s=0.5))

    assert failure.timed_out
    assert len(site.asked) <= 2


def test_an_answer_that_never_comes_is_given_up():
    async def silent(request):
        await asyncio.sleep(30)

    class Silent(Site):
        handle = staticmethod(silent)

    with running(lambda: Silent(None)) as site:
        assert refusal_of(site.url, replace(LINKED, timeout_s=0.5)).timed_out


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b'{"object": "list"}', b'"text"', b"[" * 100_000, b"\xff\xfe"]
)
def test_what_is_no_list_is_an_error(body):
    with running(lambda: Site(lambda request: web.Response(body=body))) as site:
        assert refusal_of(site.url).kind is ErrorKind.PARSING


def test_an_error_within_a_200_is_an_error(fake):
    fake.script("groq", ["error_in_200"], family="models")

    with pytest.raises(UpstreamError):
        fetch_list(make_offer(base_url=fake.url("groq"), preset=Preset()))


def test_a_server_that_is_away_is_an_error():
    assert refusal_of("http://127.0.0.1:9/v1").kind is ErrorKind.NETWORK
