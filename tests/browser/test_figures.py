"""The dashboard, analytics and a provider of one's own, by mouse and by keyboard."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.providers.own_server import OwnServer
from tests.providers.own_server import serving as serving_models


@pytest.fixture(scope="module")
def lab() -> Iterator[OwnServer]:
    with serving_models() as own:
        own.can -= {"vision"}
        yield own


def test_the_dashboard_is_read_and_its_figures_lead_on(visit):
    seen = visit()
    page = seen.go("/admin/")

    page.wait_for_url(re.compile("/admin/dashboard/"))
    expect(page.get_by_text(re.compile(r"Serving\. \d+ of \d+ providers"))).to_be_visible()
    expect(page.get_by_role("heading", name="Left today")).to_be_visible()
    with page.expect_response("**/admin/dashboard/?span=*", timeout=15_000):
        pass
    seen.follow(page.get_by_role("link", name="7 days"))
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")

    page.get_by_role("link", name="Fallbacks:").click()
    page.wait_for_url(re.compile(r"usageeventrow/\?span=week&fell_back=1"))


def test_a_chart_tells_its_columns_by_mouse_and_by_keyboard(visit):
    seen = visit()
    page = seen.go("/admin/traffic/?span=day")
    chart = page.locator("[data-chart]").first
    tip = chart.locator(".tip")

    chart.locator(".hit").nth(3).hover()
    expect(tip).to_contain_text("first provider")
    chart.focus()
    page.keyboard.press("Home")
    first = tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert tip.inner_text() != first
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()

    page.get_by_text("Show as table").first.click()
    expect(page.get_by_role("region", name=re.compile("Requests an hour.*as a table"))).to_be_visible()
    assert seen.serious_violations() == []
    chart.locator(".hit").nth(20).click()
    page.wait_for_url(re.compile(r"start=\d+&end=\d+"))


def test_a_break_down_filters_the_page_and_the_table_is_saved(visit):
    seen = visit()
    page = seen.go("/admin/traffic/?span=day")

    seen.follow(page.get_by_role("link", name="Model", exact=True))
    seen.follow(page.locator(".parttab tbody a").first)
    chip = page.get_by_role("link", name=re.compile("Remove the filter model"))
    expect(chip).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename == "analytics.csv"
    seen.follow(chip)
    expect(chip).to_be_hidden()


def test_a_provider_of_ones_own_is_probed_call_by_call_and_added(visit, lab):
    seen = visit()
    page = seen.go("/admin/pool/custom/")

    page.get_by_label("Name").fill("lab-vllm")
    page.get_by_label("Base URL").fill(lab.url)
    page.get_by_role("button", name="Probe").click()
    expect(page.get_by_text("6 calls, 35 tokens spent")).to_be_visible()
    expect(page.get_by_label("lab-model: Calls tools")).to_be_checked()
    expect(page.get_by_label("lab-model: Sees images")).not_to_be_checked()
    expect(page.get_by_text("it did not see that the picture is red")).to_be_visible()
    assert seen.serious_violations() == [] and not seen.overflows()
    page.get_by_role("button", name="Add to the pool").click()

    expect(page.get_by_role("heading", name="lab-vllm", level=1)).to_be_visible()
    expect(page.get_by_text("is in the pool")).to_be_visible()


def test_a_server_that_is_not_there_is_told_in_words(visit):
    page = visit().go("/admin/pool/custom/")

    page.get_by_label("Base URL").fill("http://127.0.0.1:9/v1")
    page.get_by_role("button", name="Probe").click()

    expect(page.get_by_text("The list of models could not be read.")).to_be_visible()


def test_the_guide_is_read_by_who_begins(visit):
    page = visit("jonas").go("/admin/guide/")

    expect(page.get_by_role("heading", name="You are set up")).to_be_visible()
    page.get_by_role("link", name="Open the dashboard").click()
    page.wait_for_url(re.compile("/admin/dashboard/"))
