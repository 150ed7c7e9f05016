"""One browser, one gateway and one sign-in of each user for the whole session: a page then takes a fraction of a second."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from fakes import FakeUpstream
from tests.browser import chromium
from tests.browser.chromium import Visit
from tests.e2e.server import Server
from tests.providers.probed import running

Visitor = Callable[..., Visit]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are marked, which puts them last."""
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def upstream() -> Iterator[FakeUpstream]:
    """Fake providers in a thread of their own."""
    with running(FakeUpstream) as fake:
        yield fake


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.executable()
    if not path:
        pytest.skip(
            "No Chromium on this machine: `apt-get install chromium`, or name one in FREEAI_TEST_CHROMIUM."
        )
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def serving(
    browser: Browser, upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    running = chromium.start_demo(tmp_path_factory.mktemp("browser") / "data", upstream)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def states(browser: Browser, serving: Server) -> dict[str, Any]:
    """The cookies of each user."""
    return {user: chromium.signed_in_state(browser, serving.url, user) for user in ("mkaya", "jonas")}


@pytest.fixture
def visit(browser: Browser, serving: Server, states: dict[str, Any]) -> Iterator[Visitor]:
    """Opens a window for a user; at the end nothing must have gone wrong in any."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def open_for(user: str | None = "mkaya", theme: str = "light", width: int = 1440) -> Visit:
        context = chromium.open_context(browser, states[user] if user else None, theme, width)
        context.set_default_timeout(10_000)
        contexts.append(context)
        visits.append(Visit(context.new_page(), serving.url))
        return visits[-1]

    yield open_for
    mishaps = [one for each in visits for one in each.mishaps]
    for context in contexts:
        context.close()
    assert mishaps == []
