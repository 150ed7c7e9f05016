"""A page that stays open while its session ends, or its server goes away: it says so, and what was typed is still there."""

import re

import pytest
from playwright.sync_api import expect

FORM = "/admin/clients/clientkey/add/"
LATER = "00:10:00"
PATIENCE_MS = 30_000
"""Pages look again every five seconds."""


def sign_out(page):
    """The session's end, as it comes after two weeks. Returns what begins it again, as signing in in another tab does."""
    kept = [one for one in page.context.cookies() if one["name"] == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    return lambda: page.context.add_cookies(kept)


def lost(page):
    return page.get_by_role("alert").filter(has_text="from before")


def test_figures_of_an_ended_session_are_not_taken_for_the_present(visit):
    seen = visit()
    page = seen.go("/admin/dashboard/")

    sign_in = sign_out(page)

    expect(lost(page)).to_contain_text("You are signed out.", timeout=PATIENCE_MS)
    expect(lost(page).get_by_role("link", name="Sign in in another tab")).to_be_visible()
    assert seen.serious_violations() == []
    sign_in()
    expect(lost(page)).to_be_hidden(timeout=PATIENCE_MS)


def test_the_palette_never_holds_the_page_of_sign_in(visit):
    page = visit().go("/admin/profile/")
    sign_out(page)

    page.keyboard.press("Control+k")

    expect(page.get_by_role("dialog").get_by_text("You are signed out.")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_label("Password")).to_have_count(0)


def test_the_preview_and_the_test_of_a_key_say_that_somebody_is_signed_out(visit):
    seen = visit()
    for path, act, place in (
        (
            "/admin/strategies/strategy/1/change/",
            lambda page: page.get_by_label("Sample request").fill("Hi"),
            "main",
        ),
        ("/admin/pool/", lambda page: page.get_by_role("button", name="Test Groq").click(), "#said-groq"),
    ):
        page = seen.go(path)
        sign_in = sign_out(page)
        act(page)
        expect(page.locator(place)).to_contain_text("You are signed out.")
        sign_in()


def test_a_form_that_stood_for_long_is_not_lost_with_the_session(visit):
    seen = visit("jonas")
    seen.page.clock.install()
    page = seen.go(FORM)
    page.get_by_label("Name").fill("typed before the end")
    page.clock.fast_forward(LATER)
    sign_in = sign_out(page)

    page.get_by_role("button", name="Save", exact=True).click()

    expect(lost(page)).to_contain_text("You are signed out.", timeout=PATIENCE_MS)
    expect(page.get_by_label("Name")).to_have_value("typed before the end")
    sign_in()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("typed before the end.* issued"))).to_be_visible()


def test_a_form_outlives_a_sign_in_that_changed_its_token(visit):
    page = visit("jonas").go(FORM)
    page.get_by_label("Name").fill("of a new session")
    page.context.add_cookies(
        [one | {"value": "z" * 32} for one in page.context.cookies() if one["name"] == "csrftoken"]
    )

    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("heading", name=re.compile("of a new session.* issued"))).to_be_visible()


@pytest.mark.parametrize("status", [0, 503])
def test_a_server_or_database_that_is_gone_is_said_until_it_is_back(visit, status):
    seen = visit()
    page = seen.go("/admin/pool/")
    detail = '{"detail": "The database is out of reach. Try again later."}'
    pattern = re.compile(r"/admin/(pool/\?show|here/)")
    page.route(pattern, lambda route: route.fulfill(status=503, body=detail) if status else route.abort())

    words = "The database is out of reach." if status else "The server does not answer."
    expect(lost(page)).to_contain_text(words, timeout=PATIENCE_MS)
    page.unroute(pattern)
    expect(lost(page)).to_be_hidden(timeout=PATIENCE_MS)
    seen.mishaps.clear()  # what the browser itself says of an answer that failed
