"""Fetched images on their way into a request: once per request, and without touching what the client sent."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from apps.providers import image_fetch
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.image_fetch import ImageFetcher, RequestImages, inlined, prepare
from apps.providers.types import Preset
from tests.factories import make_offer, make_request
from tests.providers.image_site import PNG, PNG_URI, guarded, serving

GEMINI = make_offer(provider="gemini", preset=Preset(wire="gemini"))


@pytest.fixture
async def site():
    async with serving() as site:
        yield site


@pytest.fixture
async def fetcher():
    fetcher = ImageFetcher(guarded())
    yield fetcher
    await fetcher.aclose()


def chat(*urls, **overrides):
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]
    return make_request(messages=messages, needs=frozenset({"vision"}), **overrides)


async def test_puts_images_inline_and_leaves_the_clients_request_alone(site, fetcher):
    request = chat(site.url("/a.png"))
    before = deepcopy(request.body)

    prepared = await prepare(request, GEMINI, RequestImages(fetcher))

    assert prepared.body["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG_URI, "detail": "low"}},
    ]
    assert request.body == before


async def test_a_provider_whose_preset_says_so_gets_them_inline_too(site, fetcher):
    offer = make_offer(provider="ollama", preset=Preset(inline_images=True))

    prepared = await prepare(chat(site.url("/a.png")), offer, RequestImages(fetcher))

    assert prepared.body["messages"][0]["content"][1]["image_url"]["url"] == PNG_URI


@pytest.mark.parametrize(
    ("request_", "offer"),
    [
        (chat("http://images.test/a.png"), make_offer()),
        (chat("data:image/png;base64,AAAA"), GEMINI),
        (make_request(), GEMINI),
    ],
)
async def test_passes_on_what_needs_no_fetching(fetcher, request_, offer):
    assert await prepare(request_, offer, RequestImages(fetcher)) is request_


async def test_a_second_candidate_does_not_fetch_again(site, fetcher):
    images = RequestImages(fetcher)
    request = chat(site.url("/a.png"), site.url("/b.png"), site.url("/a.png"), site.url("/gone.png"))

    for _ in range(2):
        with pytest.raises(UpstreamError):
            await prepare(request, GEMINI, images)

    assert sorted(request.path for request in site.seen) == ["/a.png", "/b.png", "/gone.png"]


async def test_another_request_fetches_for_itself(site, fetcher):
    for _ in range(2):
        await prepare(chat(site.url("/a.png")), GEMINI, RequestImages(fetcher))

    assert len(site.seen) == 2


async def test_a_failure_is_the_candidates_own_and_names_the_part(site, fetcher):
    request = chat(site.url("/a.png"), "http://internal.test/secret.png")

    with pytest.raises(UpstreamError) as caught:
        await prepare(request, GEMINI, RequestImages(fetcher))

    error = caught.value
    assert (error.kind, error.falls_back) == (ErrorKind.REFUSED, True)
    assert error.param == "messages[0].content[2].image_url.url"
    assert error.message == "The image could not be fetched: its host has no public address."


async def test_refuses_more_than_sixteen_images_before_fetching_any(site, fetcher):
    with pytest.raises(UpstreamError, match="more than 16") as caught:
        await prepare(chat(*(site.url(f"/{n}.png") for n in range(17))), GEMINI, RequestImages(fetcher))

    assert caught.value.param == "messages[0].content[17].image_url.url"
    assert site.seen == []


async def test_refuses_images_that_are_too_large_together(site, fetcher, monkeypatch):
    monkeypatch.setattr(image_fetch, "MAX_TOTAL_BYTES", 300)  # a PNG of the tests has 108 bytes

    await prepare(chat(site.url("/a.png"), site.url("/b.png")), GEMINI, RequestImages(fetcher))
    site.pages["/c.png"] = PNG + b"c"
    with pytest.raises(UpstreamError, match="together"):
        await prepare(chat(*map(site.url, ("/a.png", "/b.png", "/c.png"))), GEMINI, RequestImages(fetcher))


async def test_the_fetcher_stops_when_the_client_goes_away(site, fetcher):
    started = asyncio.Event()

    async def stall(request):
        started.set()
        await asyncio.sleep(60)

    site.pages["/stall.png"] = stall
    task = asyncio.create_task(prepare(chat(site.url("/stall.png")), GEMINI, RequestImages(fetcher)))
    await started.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_inlines_urls_that_stand_in_place_of_the_object_and_knows_odd_shapes():
    url = "HTTPS://images.test/a.png"
    body: dict[str, Any] = {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": url}, "text", None, {"type": "text"}],
            },
            {"role": "user", "content": "https://images.test/a.png"},
            {
                "role": "user",
                "content": [{"type": "image_url"}, {"type": "image_url", "image_url": {"url": 5}}],
            },
            {"role": "assistant", "content": None},
            None,
        ],
        "temperature": 0,
    }

    result = inlined(body, {url: "data:x"})

    assert image_fetch.image_urls(body) == [url]
    assert result["messages"][0]["content"][0] == {"type": "image_url", "image_url": "data:x"}
    assert result["messages"][1:] == body["messages"][1:]
    assert result["temperature"] == 0
    assert image_fetch.image_urls({}) == []
