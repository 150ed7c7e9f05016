"""What a new operator stumbled over: clicks before a script is there, a low window, a phone, what a card cuts off."""

import re
import struct

import pytest
from playwright.sync_api import expect

PLAYGROUND = "/admin/playground/"
CUT_OFF = """() => [...document.querySelectorAll(".card .tw")].filter((box) => box.clientWidth)
    .flatMap((box) => [...box.querySelectorAll("td, .pill, .firstm")]
        .filter((one) => one.getBoundingClientRect().right > box.getBoundingClientRect().right + 1))
    .map((one) => one.textContent.trim())"""
SOUND = (
    b"RIFF"
    + struct.pack("<I", 36)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    + b"data\0\0\0\0"
)


def test_nothing_can_be_clicked_in_the_playground_before_its_script_is_there(visit):
    seen = visit()
    held = []
    script = re.compile(r"/js/playground\.js")
    seen.page.route(script, lambda route: held.append(route))
    seen.page.goto(seen.base + PLAYGROUND, wait_until="commit")
    page = seen.page
    message = page.get_by_label("Message", exact=True)
    message.fill("typed early")

    for name in ("Send", "New chat", "Explain only, send nothing", "Merge two sorted lists", "Attach audio"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    held[0].continue_()

    send = page.get_by_role("button", name="Send", exact=True)
    expect(send).to_be_enabled()
    expect(message).to_have_value("typed early")
    send.click()
    expect(page.locator("#log")).to_contain_text("typed early")


def test_audio_goes_with_a_message_and_is_heard(visit):
    seen = visit()
    page = seen.go(f"{PLAYGROUND}?preferred_provider=gemini")
    asked = []

    def note(request):
        if "playground/chat" in request.url:
            asked.append(request.post_data_json)

    page.on("request", note)

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach audio").click()
    chooser.value.set_files({"name": "words.wav", "mimeType": "audio/wav", "buffer": SOUND})
    expect(page.locator("#attached")).to_contain_text("words.wav")
    page.get_by_label("Message", exact=True).fill("What is said there?")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.locator("#state")).to_contain_text("answered")
    expect(page.locator("#log .msg.user")).to_contain_text("words.wav")
    expect(page.locator("#attached")).to_be_hidden()
    (body,) = asked
    text, sound = body["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is said there?"}
    assert sound["type"] == "input_audio" and sound["input_audio"]["format"] == "wav"
    assert sound["input_audio"]["data"].startswith("UklGR")
    assert seen.serious_violations() == []


def test_a_file_that_is_too_large_is_refused_in_words(visit):
    page = visit().go(PLAYGROUND)

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach audio").click()
    chooser.value.set_files({"name": "long.mp3", "mimeType": "audio/mpeg", "buffer": bytes(6_000_000)})

    expect(page.get_by_role("alert").filter(has_text="long.mp3 is too large")).to_be_visible()


def test_a_low_window_shows_the_whole_sidebar(visit):
    seen = visit()
    seen.page.set_viewport_size({"width": 1366, "height": 600})
    page = seen.go("/admin/pool/")
    inside = "one => { const box = one.getBoundingClientRect(); return [box.top >= 0, box.bottom <= innerHeight, box.height > 40] }"

    for part in (".brand", ".side-foot"):
        assert page.locator(part).first.evaluate(inside) == [True, True, True]
    page.get_by_role("link", name="API docs").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="API docs")).to_be_in_viewport()
    page.locator(".side-foot summary").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport()


def test_a_model_is_turned_off_and_on_again_on_a_phone(visit):
    seen = visit(width=390)
    page = seen.go("/admin/pool/mistral/")
    off = page.get_by_role("button", name=re.compile("^Turn off")).first
    model = (off.text_content() or "").removeprefix("Turn off ")

    seen.follow(off)
    seen.follow(page.get_by_role("button", name=f"Turn on {model}", exact=True))

    expect(page.get_by_role("button", name=f"Turn off {model}", exact=True)).to_be_visible()
    assert not seen.overflows()


@pytest.mark.parametrize("path", ["dashboard/", "pool/"])
def test_no_card_cuts_off_what_is_in_it(visit, path):
    page = visit().go(f"/admin/{path}")

    assert page.evaluate(CUT_OFF) == []


def test_the_columns_of_the_dashboard_end_together(visit):
    page = visit().go("/admin/dashboard/")
    ends = page.evaluate(
        """() => [...document.querySelectorAll(".grid:has(> .c8) > *")]
            .map((column) => column.lastElementChild.getBoundingClientRect().bottom)"""
    )

    assert len(ends) == 2
    assert abs(ends[0] - ends[1]) < 2


@pytest.mark.parametrize("path", ["pool/?q=", "clients/clientkey/?q=", "search/?q="])
def test_a_word_without_end_makes_no_page_wider(visit, path):
    seen = visit(width=390)
    seen.go(f"/admin/{path}{'x' * 3000}")

    assert not seen.overflows()


def test_the_steps_follow_a_key_that_was_tested_in_place(visit):
    page = visit("jonas").go("/admin/pool/add/?provider=groq")
    step = page.locator(".steps > li[aria-current=step]")
    expect(step).to_contain_text("Key")

    page.get_by_label("API key").fill("gsk_0123456789abcdefghij")
    page.get_by_role("button", name="Test key").click()

    expect(step).to_contain_text("Test and save")


@pytest.mark.parametrize("width", [1440, 390])
def test_each_tab_of_a_new_key_shows_its_snippet(visit, width):
    seen = visit("jonas", width=width)
    page = seen.go("/admin/clients/clientkey/add/")
    page.get_by_label("Name").fill(f"tabs {width}")
    page.get_by_role("button", name="Save", exact=True).click()
    tabs = page.locator(".tabset .tabs > label")
    expect(tabs.first).to_be_visible()

    for number, name in enumerate(tabs.all_inner_texts()):
        tabs.nth(number).click()
        expect(page.locator(".tabset .pane:visible pre")).to_have_attribute("aria-label", name)
    assert seen.serious_violations() == []
    assert not seen.overflows()
