"""Images: in the request, or behind a URL, which is fetched only for those who cannot do it themselves."""

from typing import Any

from fakes.answers import PIECES_OF_OK, words
from tests.contract.candidates import Candidate, able
from tests.contract.served import Served, ask, both_ways, sent_text
from tests.gateway.conftest import Gateway
from tests.providers.image_site import PNG_URI, Site

LINK = "https://images.test/a.png"
IMAGE = PNG_URI.rpartition(",")[2]


async def look(gateway: Gateway, candidate: Candidate, url: str, *, stream: bool) -> Served:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    messages = [{"role": "user", "content": parts}]
    return await ask(gateway, candidate, "ok", stream=stream, messages=messages)


def check_text(served: Served) -> None:
    assert served.only.content == "".join(words(0, PIECES_OF_OK))
    assert served.only.finish == "stop"


@both_ways
@able("vision")
async def test_an_image_in_the_request_reaches_the_provider(
    gateway: Gateway, candidate: Candidate, stream: bool
):
    served = await look(gateway, candidate, PNG_URI, stream=stream)

    check_text(served)
    assert IMAGE in sent_text(gateway)


@both_ways
@able("vision", when=lambda candidate: candidate.takes_links)
async def test_a_link_goes_to_a_provider_that_follows_it(
    gateway: Gateway, image_site: Site, candidate: Candidate, stream: bool
):
    served = await look(gateway, candidate, LINK, stream=stream)

    check_text(served)
    assert LINK in sent_text(gateway)
    assert not image_site.seen


@both_ways
@able("vision", when=lambda candidate: not candidate.takes_links)
async def test_a_link_is_fetched_for_a_provider_that_does_not(
    gateway: Gateway, image_site: Site, candidate: Candidate, stream: bool
):
    link = image_site.url("/a.png")

    served = await look(gateway, candidate, link, stream=stream)

    check_text(served)
    assert IMAGE in sent_text(gateway)
    assert link not in sent_text(gateway)
