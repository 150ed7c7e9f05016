"""What people do on the pages, by mouse and by keyboard."""

import re

from playwright.sync_api import expect

from apps.clients.keys import KEY_LENGTH

KEYS = "/admin/clients/clientkey/"


def test_a_key_is_recognised_tested_and_stored(visit):
    seen = visit("jonas")
    page = seen.go("/admin/pool/add/?provider=openrouter")
    key = page.get_by_label("API key")

    key.fill("gsk_0123456789abcdef")
    expect(page.get_by_role("link", name="This looks like a key of groq")).to_be_visible()
    key.fill("sk-or-v1-0123456789abcdef")
    page.get_by_role("button", name="Test key").click()
    expect(page.get_by_text("The key is accepted")).to_be_visible()
    assert seen.serious_violations() == []
    seen.follow(page.get_by_role("button", name="Save key"))

    expect(page.get_by_role("heading", name="OpenRouter")).to_be_visible()
    expect(page.get_by_text("sk-o***def")).to_be_visible()
    expect(page.get_by_text("is stored")).to_be_visible()


def test_a_stored_key_is_tested_in_its_row(visit):
    page = visit().go("/admin/pool/")

    page.get_by_role("button", name="Test Groq").click()

    expect(page.locator("#said-groq")).to_contain_text("It works")
    with page.expect_response("**/admin/pool/?show=*", timeout=15_000):
        pass
    expect(page.locator("#said-groq")).to_contain_text("It works")


def test_a_client_key_is_shown_once_and_copied_whole(visit):
    seen = visit("jonas")
    page = seen.go(KEYS)

    seen.follow(page.get_by_role("link", name="Issue key"))
    page.get_by_label("Name").fill("from the browser")
    seen.follow(page.get_by_role("button", name="Save", exact=True))
    raw = page.locator("#the-key").inner_text()
    assert seen.serious_violations() == []
    page.get_by_text("Python", exact=True).click()
    page.locator(".pane:visible").get_by_role("button", name="Copy").click()
    copied = page.evaluate("navigator.clipboard.readText()")

    assert len(raw) == KEY_LENGTH
    assert f'api_key="{raw}"' in copied and "…" not in copied
    seen.follow(page.get_by_role("link", name="I have saved it"))
    expect(page.get_by_role("link", name="from the browser", exact=True)).to_be_visible()
    assert raw not in page.content()


def test_who_leaves_a_secret_behind_is_asked(visit):
    seen = visit("jonas")
    page = seen.go(f"{KEYS}add/")
    page.get_by_label("Name").fill("left behind")
    seen.follow(page.get_by_role("button", name="Save", exact=True))
    asked = []

    def accept(dialog):
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)

    page.get_by_role("heading", name="issued").click()  # a page that nobody touched may be left
    page.get_by_role("link", name="Usage events").click()

    page.wait_for_url(re.compile("usageeventrow"))
    assert asked == ["beforeunload"]


def test_revoking_asks_in_a_dialog_that_escape_closes(visit):
    seen = visit()
    page = seen.go(KEYS)
    opener = page.get_by_role("link", name="Revoke aider")

    opener.click()
    expect(page.get_by_role("dialog").get_by_text("gets 401")).to_be_visible()
    assert seen.serious_violations() == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(opener).to_be_focused()

    opener.click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("“aider” is revoked")).to_be_visible()


def test_ctrl_k_finds_and_jumps(visit):
    seen = visit()
    page = seen.go("/admin/pool/")

    page.keyboard.press("Control+k")
    page.keyboard.type("nightly-ev")
    expect(page.get_by_role("dialog").get_by_text("nightly-evals")).to_be_visible()
    assert seen.serious_violations() == []
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(r"clientkey/\d+/change"))


def test_slash_focuses_the_filter_and_a_profile_can_forbid_it(visit):
    seen = visit("jonas")
    page = seen.go("/admin/pool/")

    page.keyboard.press("/")
    expect(page.get_by_label("Find a provider or model")).to_be_focused()

    seen.go("/admin/profile/")
    page.get_by_label("Single keys").uncheck()
    seen.follow(page.get_by_role("button", name="Save"))
    seen.go("/admin/pool/")
    page.keyboard.press("/")
    expect(page.get_by_label("Find a provider or model")).not_to_be_focused()


def test_the_first_tab_skips_to_the_content(visit):
    page = visit().go("/admin/pool/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_theme_is_switched_at_once_and_kept(visit):
    seen = visit("jonas")
    page = seen.go("/admin/pool/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)

    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Theme").click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Theme").click()

    assert page.evaluate(ground) != light
    assert seen.go("/admin/pool/").evaluate(ground) != light


def test_times_are_the_viewers(visit):
    page = visit().go("/admin/analytics/usageeventrow/")

    shown = page.locator("time").first
    title = shown.get_attribute("title") or ""

    assert "Europe/Berlin" in title and "UTC" not in shown.inner_text()
    assert page.locator("[data-zone-name]").inner_text() == "Europe/Berlin"


def test_the_sidebar_slides_over_on_a_phone(visit):
    seen = visit(width=390)
    page = seen.go("/admin/pool/")
    link = page.get_by_role("link", name="Usage events")

    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(link).to_be_visible()
    assert seen.serious_violations() == []
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()


def test_a_part_that_cannot_be_refreshed_says_of_when_it_is(visit):
    seen = visit()
    page = seen.go("/admin/pool/")

    page.route("**/admin/pool/?show=*", lambda route: route.abort())
    expect(page.locator("[data-stale]")).to_be_visible(timeout=15_000)
    seen.mishaps.clear()  # the browser reports the request that this test cut


def test_pages_of_events_lead_on_and_back(visit):
    seen = visit()
    page = seen.go("/admin/analytics/usageeventrow/?span=all")
    first = page.locator("tbody a").first.get_attribute("href")

    seen.follow(page.get_by_role("link", name="Older"))
    assert page.locator("tbody a").first.get_attribute("href") != first
    seen.follow(page.get_by_role("link", name="Newest"))
    assert page.locator("tbody a").first.get_attribute("href") == first
