"""The fake upstream for what blocks, on another thread: one for a file, and nothing left in it of the test before."""

import pytest

from fakes import FakeUpstream
from tests.providers.probed import running


@pytest.fixture(scope="module")
def shared_fake():
    with running(FakeUpstream) as fake:
        yield fake


@pytest.fixture
def fake(shared_fake):
    shared_fake.reset()
    return shared_fake
