"""Images, sounds and files travel inline; what has to be fetched first is named."""

from base64 import b64encode

import pytest

from apps.providers.adapters.shared.media import canonical_uri
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
        ("image/jpeg", PIXEL, "image/png"),
        ("image/png", "/9j/4AAQ", "image/jpeg"),
        ("image/png", "UklGRgAAAABXRUJQ", "image/webp"),
        ("image/webp", "R0lGODlh", "image/gif"),
        ("image/png", "JVBERi0x", "application/pdf"),
        ("audio/mpeg", "UklGRgAAAABXQVZF", "audio/wav"),
        ("text/plain", "R0lGODlh", "text/plain"),
        ("image/heic", "AAAAGGZ0", "image/heic"),
    ],
)
def test_a_media_type_goes_by_the_name_that_gemini_knows(stated, data, sent_as):
    content = [{"type": "image_url", "image_url": {"url": f"data:{stated};base64,{data}"}}]

    (part,) = send([user(content)])["contents"][0]["parts"]

    assert part == {"inlineData": {"mimeType": sent_as, "data": data}}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("-_-_", "+/+/"),
        ("aGk%3D", "aGk="),
        ("aGk%3d", "aGk="),
        ("aGk", "aGk="),
        ("-_8", "+/8="),
        ("%2B%2F8%3D", "+/8="),
        ("aG\nk%0A=", "aGk="),
    ],
)
@pytest.mark.parametrize("part", ["image_url", "file", "input_audio"])
def test_base64_is_sent_in_the_alphabet_that_gemini_reads(part: str, given: str, sent: str):
    content = {
        "image_url": {"image_url": {"url": f"data:image/heic;base64,{given}"}},
        "file": {"file": {"file_data": given, "filename": "a.heic"}},
        "input_audio": {"input_audio": {"data": given, "format": "heic"}},
    }

    (made,) = send([user([{"type": part, **content[part]}])])["contents"][0]["parts"]

    assert made["inlineData"]["data"] == sent


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("data:image/jpeg;base64,-_-_", "data:image/jpeg;base64,+/+/"),
        ("data:image/png;base64,aGk%3D", "data:image/png;base64,aGk="),
        (f"data:image/jpeg;base64,{PIXEL}", f"data:image/png;base64,{PIXEL}"),
        (f"data:image/png;base64,{PIXEL}", f"data:image/png;base64,{PIXEL}"),
        ("data:image/svg+xml,%3Csvg-_/%3E", "data:image/svg+xml,%3Csvg-_/%3E"),
        ("https://example.test/a-b_%3D.png", "https://example.test/a-b_%3D.png"),
    ],
)
def test_other_wires_get_it_so_too(url: str, canonical: str):
    assert canonical_uri(url) == canonical


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
