"""The browser of the system, and the gateway that it looks at: a demo instance whose providers are fakes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request

from fakes import FakeUpstream
from tests.e2e import server, tables
from tests.e2e.server import Server
from tests.e2e.surroundings import ROOT, clean_env

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
DAYS = "9" if os.environ.get("FREEAI_TEST_PICTURES") else "1"
"""Of traffic: pictures show a time before as well."""
PASSWORD = "correct horse 47"
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
WIDTHS = {1440: 900, 390: 844}
FAKED = ("groq", "mistral", "gemini", "openrouter", "cohere", "nvidia")
SERIOUS = {"serious", "critical"}


def executable() -> str:
    """The path of the browser, "" where there is none."""
    named = os.environ.get("FREEAI_TEST_CHROMIUM", "")
    return named or next((found for name in NAMES if (found := shutil.which(name))), "")


def start_demo(data_dir: Path, upstream: FakeUpstream) -> Server:
    """Set up, filled, and served."""
    tables.lay(data_dir)
    at = [option for name in FAKED for option in ("--at", f"{name}={upstream.url(name)}")]
    for command in (["setup"], ["demo_data", "--days", DAYS, "--password", PASSWORD, *at]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=clean_env() | {"FREEAI_DATA_DIR": str(data_dir)},
            check=True,
            capture_output=True,
            timeout=100,
        )
    return server.start(data_dir, "--no-tasks")


@dataclass
class Visit:
    """A page, and what must never happen there."""

    page: Page
    base: str
    mishaps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", self._asked)

    def go(self, path: str) -> Page:
        """The page, when all of it is there."""
        self.page.goto(self.base + path)
        return self.page

    def follow(self, link: Locator) -> None:
        """Clicks on what leads to another page, and waits until all of that is there: its scripts too."""
        with self.page.expect_navigation():
            link.click()

    def serious_violations(self, *, colours_only: bool = False) -> list[str]:
        """What axe finds that keeps somebody out; `colours_only` where nothing but the theme has changed since."""
        self.page.evaluate(f"{AXE};0")
        found: Mapping[str, Any] = self.page.evaluate(
            "rules => axe.run(document, {resultTypes: ['violations'], ...(rules && {runOnly: rules})})",
            ["color-contrast"] if colours_only else None,
        )
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        wide: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide

    def _said(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self._note(said.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self._note(f"a request to {request.url}")

    def _note(self, text: str) -> None:
        self.mishaps.append(text)


def signed_in_state(browser: Browser, base: str, user: str) -> Any:
    """The cookies of a user who has signed in on the page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/admin/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}/admin/dashboard/")
    state = context.storage_state()
    context.close()
    return state


def open_context(browser: Browser, state: Any, theme: str = "light", width: int = 1440) -> BrowserContext:
    """A window of that width."""
    return browser.new_context(
        storage_state=state,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": WIDTHS[width]},
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
