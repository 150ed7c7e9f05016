"""Images, sounds and files travel inline; what has to be fetched first is named."""

from base64 import b64encode

import pytest

from apps.providers.image_fetch import image_urls
from tests.providers.gemini_histories import PIXEL, assistant, call, refused, result, send, user


def test_media_is_sent_inline():
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/svg+xml,%3Csvg/%3E"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "aGk=", "filename": "notes.txt"}},
        {"type": "text", "text": ""},
    ]

    parts = send([user(content)])["contents"][0]["parts"]

    assert parts == [
        {"text": "What is this?"},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
        {"inlineData": {"mimeType": "image/svg+xml", "data": b64encode(b"<svg/>").decode()}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        {"inlineData": {"mimeType": "text/plain", "data": "aGk="}},
    ]


@pytest.mark.parametrize(
    ("stated", "data", "sent_as"),
    [
        ("image/jpg", "/9j/", "image/jpeg"),
        ("IMAGE/JPG", "/9j/", "image/jpeg"),
        ("image/x-png", PIXEL, "image/png"),
        ("", "/9j/4AAQ", "image/jpeg"),
        ("application/octet-stream", PIXEL, "image/png"),
        ("application/x-pdf", "JVBERi0=", "application/pdf"),
        ("audio/x-wav", "UklGRg==", "audio/wav"),
        ("audio/mpeg", "//uQ", "audio/mp3"),
        ("image/webp", "UklGRg==", "image/webp"),
    ],
)
def test_a_media_type_goes_by_the_name_that_gemini_knows(stated, data, sent_as):
    content = [{"type": "image_url", "image_url": {"url": f"data:{stated};base64,{data}"}}]

    (part,) = send([user(content)])["contents"][0]["parts"]

    assert part == {"inlineData": {"mimeType": sent_as, "data": data}}


def test_image_in_a_tool_result_follows_its_response():
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    messages = [
        user("Draw"),
        assistant(tool_calls=[call("a")]),
        result("a", [{"type": "text", "text": "done"}, image]),
    ]

    parts = send(messages)["contents"][2]["parts"]

    assert parts[0]["functionResponse"]["response"] == {"output": "done"}
    assert parts[1] == {"inlineData": {"mimeType": "image/png", "data": PIXEL}}


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
            "messages[0].content[1].image_url.url",
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[1].file.file_data"),
        ({"type": "hologram"}, "messages[0].content[1]"),
    ],
)
def test_refuses_what_it_cannot_send_and_says_where(part, param):
    assert refused([user([{"type": "text", "text": "?"}, part])]).param == param


def test_lists_the_image_urls_that_must_be_fetched_each_once():
    def image(url):
        return {"type": "image_url", "image_url": {"url": url}}

    body = {
        "messages": [
            user([image("https://example.test/a.png"), image(f"data:image/png;base64,{PIXEL}")]),
            user("text"),
            user([image("http://example.test/b.png"), image("https://example.test/a.png")]),
        ]
    }

    assert image_urls(body) == ["https://example.test/a.png", "http://example.test/b.png"]
