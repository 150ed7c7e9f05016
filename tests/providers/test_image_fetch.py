"""Fetching images by URL: what is taken, what is refused, and how long it may last."""

import asyncio

import pytest
from aiohttp import web

from apps.providers import image_fetch
from apps.providers.egress import GuardedTransport
from apps.providers.image_fetch import FetchError, ImageFetcher, image_type
from tests.providers.image_site import LOOPBACK, PNG, PNG_URI, guarded, serving


@pytest.fixture
async def site():
    async with serving() as site:
        yield site


@pytest.fixture
async def fetcher():
    fetcher = ImageFetcher(guarded())
    yield fetcher
    await fetcher.aclose()


async def test_fetches_an_image_and_tells_its_type_by_its_bytes(site, fetcher):
    assert await fetcher.fetch(site.url("/a.png"), 1) == PNG_URI


async def test_says_who_it_is_and_nothing_else(site, fetcher):
    await fetcher.fetch(site.url("/a.png"), 1)

    sent = {name.lower() for name in site.seen[0].headers} - {"host", "connection"}
    assert sent == {"accept", "accept-encoding", "user-agent"}


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.2/a.png", "http://[::1]/a.png", "http://169.254.169.254/latest/meta-data/"),
        *(
            "http://2130706433/a.png",
            "http://0x7f.1/a.png",
            "http://0177.0.0.1/",
            "http://[::ffff:10.0.0.1]/",
        ),
        *("http://localhost/a.png", "http://internal.test/a.png", "http://unknown.test/a.png"),
        *("ftp://images.test/a.png", "http://user:pass@images.test/a.png", "http://images.test:22/a.png"),
        *(
            "http://",
            "http://[",
            "http://" + "a" * 70_000 + ".test/",
            "http://a\x00b.test/",
            "http://xn--.test/",
        ),
    ],
)
async def test_refuses_urls_that_lead_elsewhere(fetcher, url):
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(url, 1)

    assert not any(address in str(caught.value) for address in ("10.", "127", "169.254", "::1"))


async def test_the_strict_guard_is_what_a_fetcher_gets_by_default(site):
    fetcher = ImageFetcher()

    with pytest.raises(FetchError, match="no public address"):
        await fetcher.fetch(f"http://{LOOPBACK}:{site.port}/a.png", 1)
    await fetcher.aclose()

    assert site.seen == []


async def test_follows_three_redirects_across_hosts(site, fetcher):
    site.redirect("/1", "/2")
    site.redirect("/2", site.url("/3", host="other.test"))
    site.redirect("/3", "a.png")

    assert await fetcher.fetch(site.url("/1"), 1) == PNG_URI
    assert [request.host.partition(":")[0] for request in site.seen] == [
        *("images.test", "images.test", "other.test", "other.test")
    ]


async def test_gives_up_at_the_fourth_redirect(site, fetcher):
    site.redirect("/loop", "/loop")

    with pytest.raises(FetchError, match="redirects more than 3 times"):
        await fetcher.fetch(site.url("/loop"), 1)

    assert len(site.seen) == 4


@pytest.mark.parametrize(
    "target",
    [
        *("http://10.0.0.1/", "http://169.254.169.254/latest/", "http://internal.test/", "http://[::1]/"),
        *(
            "http://2130706433/",
            "file:///etc/passwd",
            "http://user:pass@images.test/a.png",
            "http://images.test:25/",
        ),
        *("//10.0.0.1/a.png", "http://[", "gopher://images.test/"),
    ],
)
async def test_a_redirect_is_checked_like_the_first_url(site, fetcher, target):
    site.redirect("/away", target)

    with pytest.raises(FetchError):
        await fetcher.fetch(site.url("/away"), 1)

    assert len(site.seen) == 1


@pytest.mark.parametrize("declared", [True, False])
async def test_stops_at_ten_megabytes(site, fetcher, declared):
    async def endless(request):
        response = web.StreamResponse()
        if declared:
            response.content_length = 1 << 40
        await response.prepare(request)
        while True:
            await response.write(PNG + bytes(1 << 20))

    site.pages["/large.png"] = endless

    with pytest.raises(FetchError, match="larger than 10 MB"):
        await fetcher.fetch(site.url("/large.png"), 1)


async def test_takes_an_image_of_exactly_ten_megabytes(site, fetcher):
    site.pages["/full.png"] = PNG.ljust(image_fetch.MAX_IMAGE_BYTES, b"\0")

    assert len(await fetcher.fetch(site.url("/full.png"), 1)) > image_fetch.MAX_IMAGE_BYTES


async def test_gives_up_when_the_image_trickles_in(site):
    async def trickle(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(PNG[:1])
            await asyncio.sleep(0.02)

    site.pages["/slow.png"] = trickle
    fetcher = ImageFetcher(guarded(), total_s=0.3)

    with pytest.raises(FetchError, match=r"took longer than 0\.3 s"):
        await fetcher.fetch(site.url("/slow.png"), 1)
    await fetcher.aclose()


async def test_gives_up_when_the_resolver_hangs():
    async def hang(host, port):
        await asyncio.sleep(60)

    fetcher = ImageFetcher(GuardedTransport(resolve=hang), total_s=0.1)

    with pytest.raises(FetchError, match=r"took longer than 0\.1 s"):
        await fetcher.fetch("http://images.test/a.png", 1)
    await fetcher.aclose()


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"<svg xmlns='x'></svg>", b"GIF88a", b"RIFF____WAVE", b"%PDF-1.7"]
)
async def test_refuses_what_is_no_image(site, fetcher, body):
    site.pages["/x"] = body

    with pytest.raises(FetchError, match="no PNG, JPEG, WebP, GIF or HEIC"):
        await fetcher.fetch(site.url("/x"), 1)


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
async def test_refuses_what_is_not_a_200(site, fetcher, status):
    async def fail(request):
        return web.Response(status=status)

    site.pages["/x"] = fail

    with pytest.raises(FetchError, match=str(status)):
        await fetcher.fetch(site.url("/x"), 1)


async def test_a_connection_that_breaks_is_an_error_without_an_address(site, fetcher):
    async def cut(request):
        request.transport.close()
        return web.Response()

    site.pages["/x"] = cut

    with pytest.raises(FetchError, match=r"^the connection failed$"):
        await fetcher.fetch(site.url("/x"), 1)


async def test_cookies_do_not_travel_from_one_image_to_the_next(site, fetcher):
    async def bake(request):
        return web.Response(body=PNG, headers={"Set-Cookie": "session=alice; Path=/"})

    site.pages["/baker.png"] = bake

    await fetcher.fetch(site.url("/baker.png"), 1)
    await fetcher.fetch(site.url("/a.png"), 1)

    assert "Cookie" not in site.seen[1].headers


async def test_no_proxy_of_the_environment_gets_in_between(site, fetcher, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert await fetcher.fetch(site.url("/a.png"), 1) == PNG_URI


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF87a...", "image/gif"),
        (b"GIF89a...", "image/gif"),
        (b"\x00\x00\x00\x18ftypheic\x00", "image/heic"),
        (b"\x00\x00\x00\x18ftypmif1\x00", "image/heif"),
        (b"\x00\x00\x00\x18ftypmp42\x00", None),
        (b"\x89PNG", None),
    ],
)
def test_knows_images_by_their_first_bytes(head, kind):
    assert image_type(head) == kind


async def test_a_user_with_many_slow_ones_keeps_nobody_else_waiting(site, fetcher):
    end = asyncio.Event()

    async def slow(request):
        await end.wait()
        return web.Response(body=PNG)

    for number in range(16):
        site.pages[f"/slow{number}"] = slow
    greedy = [asyncio.create_task(fetcher.fetch(site.url(f"/slow{number}"), 1)) for number in range(16)]
    await asyncio.sleep(0.1)

    async with asyncio.timeout(1):
        assert await fetcher.fetch(site.url("/a.png"), 2) == PNG_URI

    end.set()
    assert await asyncio.gather(*greedy) == [PNG_URI] * 16
