"""The gateway of the contract: the real transport on loopback, the strict fakes, and a site that has an image."""

from collections.abc import AsyncIterator

import pytest

from apps.providers.image_fetch import ImageFetcher
from tests.gateway.conftest import Gateway, edge, gateway
from tests.providers.image_site import Site, guarded, serving


@pytest.fixture
async def image_site(gateway: Gateway) -> AsyncIterator[Site]:
    """A site that the gateway may fetch images from."""
    gateway.runtime.images = ImageFetcher(guarded())
    async with serving() as site:
        yield site
    await gateway.runtime.images.aclose()


__all__ = ["edge", "gateway"]
