"""What people do where requests go: the playground, a strategy, live traffic, one request."""

import base64
import re

import pytest
from playwright.sync_api import expect

PLAYGROUND, LIVE = "/admin/playground/", "/admin/live/"
ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
HOSTILE_MARKDOWN = """# Hi <script>alert(1)</script>
<img src=x onerror=alert(2)> ![alt](https://evil.test/x.png) [a](javascript:alert(3)) [b](https://example.test/?q="onmouseover="alert(4))
- one
  1. **bold** and `code <b>`
```html
<iframe src="https://evil.test"></iframe>
```
| a | b |
|---|---|
| <svg onload=alert(5)> | 2 |
"""


def send(page, text, model="freeai-auto"):
    page.get_by_label("Model", exact=True).fill(model)
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Control+Enter")


def test_the_playground_streams_an_answer_and_says_why(visit):
    seen = visit()
    page = seen.go(PLAYGROUND)

    send(page, "What can you do?")

    expect(page.locator("#state")).to_contain_text("answered")
    expect(page.locator("#log")).to_contain_text("the quiet river")
    expect(page.locator("#decision")).to_contain_text("First comes")
    expect(page.locator("#attempts .wf")).to_be_visible()
    expect(page.locator("#attempt-count")).to_have_text("1 attempt")
    expect(page.locator("#spent")).to_contain_text("tokens")
    page.get_by_text("Headers", exact=True).click()
    expect(page.locator("#take-headers")).to_contain_text("x-freeai-provider")
    assert seen.serious_violations() == []


def test_an_image_and_a_tool_go_with_a_message(visit):
    page = visit().go(PLAYGROUND)

    page.locator("#image").set_input_files({"name": "dot.png", "mimeType": "image/png", "buffer": ONE_PIXEL})
    page.get_by_role("button", name="Add an example tool").click()
    send(page, "What is this?")

    expect(page.locator("#decision")).to_contain_text("image")
    expect(page.locator("#decision")).to_contain_text("tools")
    expect(page.get_by_alt_text("attached image: dot.png")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("answered")
    expect(page.locator("#take-curl")).to_contain_text("get_weather")


def test_stop_ends_the_call(visit):
    seen = visit()
    page = seen.go(PLAYGROUND)

    send(page, "Go on", "sandbox/stall_after_content")
    expect(page.locator("#log .msg:last-child .txt")).not_to_be_empty()
    page.get_by_role("button", name="Stop").click()

    expect(page.locator("#log")).to_contain_text("Stopped. The call upstream was closed.")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    page.wait_for_timeout(1500)  # until the ledger has it
    seen.go("/admin/analytics/usageeventrow/?outcome=cancelled&provider=sandbox")
    expect(page.get_by_role("row").filter(has_text="stall_after_content")).to_have_count(1)


def test_explaining_sends_nothing_and_refusals_are_told(visit):
    page = visit("jonas").go(PLAYGROUND)

    page.get_by_role("button", name="Explain only").click()
    expect(page.locator("#state")).to_contain_text("nothing was sent")
    expect(page.locator("#log")).to_contain_text("Ask something")

    page.get_by_label("Tools", exact=True).fill("{")
    page.get_by_role("button", name="Explain only").click()
    expect(page.get_by_role("alert").filter(has_text="Tools is not JSON")).to_be_visible()


def test_a_refusal_is_told_in_the_conversation(visit):
    page = visit("jonas").go(PLAYGROUND)

    send(page, "Hello", "freeai-nothing")

    expect(page.locator("#log .err")).to_contain_text("freeai-nothing")
    expect(page.locator("#decision")).to_contain_text("refused before anything was ranked")
    page.get_by_text("Headers", exact=True).click()
    expect(page.locator("#take-headers")).to_contain_text("HTTP 400")


OUT_OF_QUOTA = (
    'event: decision\ndata: {"html": "<p>decided</p>", "id": "1"}\n\n'
    'event: head\ndata: {"status": 429, "headers": {"Retry-After": "1"}}\n\n'
    'data: {"error": {"message": "All quota is used."}}\n\ndata: [DONE]\n\n'
)
BROKEN = (
    'data: {"choices": [{"index": 0, "delta": {"content": "Half of **it**"}}]}\n\n'
    'data: {"error": {"message": "The connection broke."}}\n\ndata: [DONE]\n\n'
)


def test_who_is_out_of_quota_waits_and_what_broke_keeps_its_words(visit):
    page = visit("jonas").go(PLAYGROUND)
    answers = [OUT_OF_QUOTA, BROKEN]
    page.route(
        "**/playground/chat/",
        lambda route: route.fulfill(content_type="text/event-stream", body=answers.pop(0)),
    )

    send(page, "Hello")
    expect(page.locator("#log .err")).to_have_text("All quota is used.")
    page.get_by_role("button", name="Wait for it: 1 s").click()

    expect(page.locator("#log .err").nth(1)).to_have_text("The connection broke.")
    expect(page.locator("#log strong")).to_have_text("it")
    expect(page.locator("#state")).to_contain_text("failed")
    assert answers == []


def test_markdown_is_made_of_text(visit):
    seen = visit()
    page = seen.go(PLAYGROUND)

    html = page.evaluate(
        """async (text) => {
            const { markdown } = await import("/static/console/js/markdown.js");
            const box = document.createElement("div");
            box.append(markdown(text));
            document.getElementById("log").append(box);
            return box.innerHTML;
        }""",
        HOSTILE_MARKDOWN,
    )

    names = set(re.findall(r"<([a-z0-9]+)", html))
    attributes = set(re.findall(r'<[^>]*?\s([a-z-]+)="', html))
    assert names <= {
        "p",
        "a",
        "ul",
        "ol",
        "li",
        "strong",
        "code",
        "div",
        "pre",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "br",
    }
    assert not any(name.startswith("on") or name in ("src", "style") for name in attributes)
    assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', html))
    assert "<strong>bold</strong>" in html and "<ol><li>" in html and "<table>" in html


def test_no_answer_keeps_the_page_busy(visit):
    page = visit().go(PLAYGROUND)

    took = page.evaluate(
        """async () => {
            const { markdown } = await import("/static/console/js/markdown.js");
            const hostile = ["**a ".repeat(50000), "`".repeat(90000), "[a](".repeat(40000), "> ".repeat(90000), "```\\n".repeat(40000),
                             "a\\n".repeat(90000), "a\\n\\n".repeat(60000), "- a\\n".repeat(40000), "|".repeat(90000)];
            const began = performance.now();
            for (const text of hostile) markdown(text);
            return performance.now() - began;
        }"""
    )

    assert took < 5_000


@pytest.fixture
def office(visit):
    seen = visit()
    page = seen.go("/admin/strategies/strategy/")
    seen.follow(page.get_by_role("link", name="office", exact=True))
    expect(page.get_by_role("heading", name="office", level=1)).to_be_visible()
    return seen, page


def test_a_strategy_is_mended_where_it_is_wrong_and_saved(office):
    seen, page = office
    clause = page.get_by_label("prefer 0", exact=True)

    clause.fill("latency_ema < 800")
    expect(page.get_by_text("One clause cannot be compiled")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    assert seen.serious_violations() == []
    page.get_by_role("button", name="Use latency_ema_ms").click()
    expect(clause).to_have_value("latency_ema_ms < 800")
    expect(page.locator("#hits-p0")).to_contain_text("holds for")
    page.get_by_role("button", name="Clause to prefer").click()
    page.get_by_label("prefer 1", exact=True).fill("'frontier' in tags")
    expect(page.locator("#strategy-diff")).to_contain_text("+")
    page.keyboard.press("Control+s")

    expect(page.get_by_text("“office” is saved")).to_be_visible()
    expect(page.get_by_label("prefer 1", exact=True)).to_have_value("'frontier' in tags")


def test_what_was_typed_before_the_script_came_is_looked_at(office):
    _, page = office
    held = []
    script = re.compile(r"/js/strategy\.")
    page.route(script, lambda route: held.append(route))
    with page.expect_request(script):
        page.goto(page.url, wait_until="commit")

    page.get_by_label("prefer 0", exact=True).fill("latency_ema < 800")
    held.pop().continue_()

    expect(page.get_by_text("One clause cannot be compiled")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())


def test_names_are_completed(office):
    _, page = office
    clause = page.get_by_label("prefer 0", exact=True)

    clause.fill("conte")
    page.keyboard.press("Control+Space")
    expect(page.get_by_role("listbox").get_by_text("context_window")).to_be_visible()
    page.keyboard.press("Enter")

    expect(clause).to_have_value("context_window")
    page.on("dialog", lambda dialog: dialog.accept())


def test_live_traffic_shows_a_request_and_why(visit):
    seen = visit()
    page = seen.go(LIVE)
    expect(page.locator("#live-state")).to_contain_text("1 process reports", timeout=15_000)

    other = page.context.new_page()
    other.goto(seen.base + PLAYGROUND)
    send(other, "Hello")
    expect(other.locator("#state")).to_contain_text("answered")

    row = page.locator("#rows tr").first
    expect(row).to_contain_text("playground")
    expect(row).to_contain_text("ok")
    row.get_by_role("button").click()
    expect(page.locator(".routebox .wf")).to_be_visible()
    expect(page.locator(".decided")).to_contain_text("First comes", timeout=15_000)
    assert seen.serious_violations() == []

    page.get_by_role("button", name="Pause").click()
    send(other, "Again")
    expect(page.locator("#held")).to_contain_text("1 new request")
    page.locator("#held").click()
    expect(page.locator("#rows tr.hov")).to_have_count(2)
    page.get_by_label("Filter").fill("-playground")
    expect(page.locator("#rows tr.hov:visible")).to_have_count(0)
    other.close()


def test_it_comes_back_by_itself(visit):
    seen = visit("jonas")
    page = seen.page
    sockets = []
    page.route_web_socket(
        re.compile("/ws/live/"), lambda route: sockets.append((route, route.connect_to_server()))
    )
    seen.go(LIVE)
    expect(page.locator("#live-state")).to_contain_text("Connected", timeout=15_000)

    sockets[0][0].close()

    expect(page.locator("#live-state")).to_contain_text("tried again")
    expect(page.locator("#live-state")).to_contain_text("Connected", timeout=15_000)
    expect(page.locator("#held")).to_contain_text("in the usage events")


def test_an_event_leads_to_its_request(visit):
    seen = visit()
    page = seen.go("/admin/analytics/usageeventrow/?fell_back=1")

    seen.follow(page.get_by_role("link", name="The whole request").first)

    expect(page.get_by_role("heading", name="One request")).to_be_visible()
    expect(page.locator("#drawn .wf")).to_be_visible()
    expect(page.get_by_text("Its decision is not kept")).to_be_visible()
    assert seen.serious_violations() == [] and not seen.overflows()
    page.set_viewport_size({"width": 390, "height": 844})
    assert seen.serious_violations() == [] and not seen.overflows()
