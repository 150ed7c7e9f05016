"""The fake upstream, and a client with a key for every provider."""

import aiohttp
import pytest

from fakes import FakeUpstream
from tests.fakes.requests import KEYS


@pytest.fixture
async def fake():
    async with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
async def http():
    async with aiohttp.ClientSession(headers=KEYS) as session:
        yield session
