"""Every page in both themes and at both widths: nothing wider than the window, nothing said on the console, nothing asked of another host,
nothing that axe finds serious. Each is written as a picture to FREEAI_TEST_SCREENSHOTS, where that names a folder; those of the documents
to FREEAI_TEST_PICTURES."""

import os
from pathlib import Path
from typing import Final, Literal

import pytest

from apps.providers.catalogue_files import read_catalogue
from tests.browser.chromium import FAKED, WIDTHS

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
FOLDER = os.environ.get("FREEAI_TEST_SCREENSHOTS", "")
PICTURES = os.environ.get("FREEAI_TEST_PICTURES", "")
SHOWN: Final = {
    ("dashboard", "light", 1440): 1240,
    ("dashboard", "dark", 1440): 900,
    ("dashboard", "light", 390): 844,
    ("analytics", "light", 1440): 900,
    ("providers", "light", 1440): 700,
    ("provider", "dark", 1440): 900,
}
"""The pictures of the documents, and how high they are."""
PAGES = {
    "sign-in": "/admin/login/",
    "dashboard": "/admin/dashboard/",
    "guide": "/admin/guide/",
    "analytics": "/admin/traffic/?span=day&compare=1",
    "no-traffic": "/admin/traffic/?provider=nobody",
    "providers": "/admin/pool/",
    "custom-provider": "/admin/pool/custom/",
    "review": "/admin/review/",
    "provider": "/admin/pool/groq/",
    "live": "/admin/live/",
    "playground": "/admin/playground/",
    "add-key": "/admin/pool/add/?provider=mistral",
    "choose-provider": "/admin/pool/add/",
    "client-keys": "/admin/clients/clientkey/",
    "issue-client-key": "/admin/clients/clientkey/add/",
    "client-key": "/admin/clients/clientkey/2/change/",
    "rotate": "/admin/clients/clientkey/2/rotate/",
    "usage-events": "/admin/analytics/usageeventrow/?failed=1&provider=groq",
    "no-event": "/admin/analytics/usageeventrow/?provider=nobody",
    "configuration": "/admin/gateway/appconfig/",
    "audit": "/admin/auditlog/logentry/",
    "catalogue": "/admin/providers/provider/?q=gr",
    "catalogue-entry": "/admin/providers/provider/1/change/",
    "models": "/admin/providers/providermodel/?q=whisper",
    "provider-keys": "/admin/providers/credential/",
    "own-limits": "/admin/providers/credential/1/change/",
    "remove-key": "/admin/providers/credential/1/delete/",
    "strategies": "/admin/strategies/strategy/",
    "strategy": "/admin/strategies/strategy/1/change/",
    "new-strategy": "/admin/strategies/strategy/add/?from=1",
    "users": "/admin/auth/user/",
    "user": "/admin/auth/user/2/change/",
    "admin-tokens": "/admin/clients/admintoken/",
    "profile": "/admin/profile/",
    "search": "/admin/search/?q=chat",
    "password": "/admin/password_change/",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well(visit, name):
    seen = visit(None if name == "sign-in" else "mkaya")
    page = seen.go(PAGES[name])

    assert "FreeAI" in page.title()
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            if FOLDER:
                Path(FOLDER).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=f"{FOLDER}/{name}-{theme}-{width}.png", full_page=True)
            if PICTURES and (shown := SHOWN.get((name, theme, width))):
                page.screenshot(
                    path=f"{PICTURES}/{name}-{theme}-{width}.png",
                    full_page=True,
                    clip={"x": 0, "y": 0, "width": width, "height": shown},
                )
            assert not seen.overflows(), width
            assert seen.serious_violations(colours_only=theme == "dark") == [], (theme, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_who_is_not_staff_has_pages_that_are_well_too(visit, width):
    seen = visit("jonas", width=width)

    for path in (
        "/admin/dashboard/",
        "/admin/guide/",
        "/admin/traffic/?span=day&by=client",
        "/admin/pool/",
        "/admin/clients/clientkey/",
        "/admin/analytics/usageeventrow/?failed=1&provider=groq",
        "/admin/clients/clientkey/add/",
    ):
        page = seen.go(path)
        assert page.get_by_role("heading", level=1).is_visible()
        assert not seen.overflows()
        assert seen.serious_violations() == []


def test_the_fakes_that_stand_in_are_in_the_catalogue():
    assert {entry.name for entry in read_catalogue()} >= set(FAKED)
