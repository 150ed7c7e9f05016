"""Texts of errors that are made to cost time: there is so much of them that patterns which look far ahead take seconds."""

import orjson
import pytest

from apps.core.redaction import scrub
from apps.providers.adapters import wire_for
from apps.providers.types import Offer
from tests.factories import make_offer

from .costly import MIB, fed, in_time
from .test_nearly_json import COHERE, GEMINI, OPENAI, WIRES

__all__ = ["in_time"]

KEYED = make_offer(api_key="key-0123456789abcdefghij")


@WIRES
@pytest.mark.parametrize("code", [400, 403, 404, 429, 500])
@pytest.mark.parametrize("word", ["tools ", "model a b ", "the ", "x"])
@pytest.mark.usefixtures("in_time")
def test_an_error_of_many_words(offer: Offer, word: str, code: int):
    text = word * (2 * MIB // len(word))
    errors = {
        "openai": {"error": {"message": text, "code": code, "param": text}},
        "gemini": {"error": {"message": text, "code": code, "status": "NOT_FOUND"}},
        "cohere": {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": text}},
    }

    assert fed(offer, b"data: " + orjson.dumps(errors[offer.preset.wire]) + b"\n\n") is not None


@pytest.mark.parametrize("offer", [OPENAI, GEMINI, COHERE])
@pytest.mark.usefixtures("in_time")
def test_a_page_of_titles(offer: Offer):
    for _ in range(3):
        wire_for(offer).parse_error(500, {}, b"<title" * 10_900, offer)


@pytest.mark.parametrize("name", ["x-error-message", "x-ratelimit-type"])
@pytest.mark.usefixtures("in_time")
def test_a_hint_of_many_words(name: str):
    wire_for(OPENAI).parse_error(429, {name: "current quota " * 4_600}, b"No.", OPENAI)


@pytest.mark.usefixtures("in_time")
def test_a_word_without_end_in_an_error():
    for _ in range(20):
        scrub("x" * 4_000, KEYED.api_key)


@pytest.mark.parametrize(
    "text",
    [
        "key-0123456789abcdefghij",
        "xxcdefghij.",
        "key-0123xx",
        "a key-0123456789abcdefghij b cdefghij",
        "cdefghij-cdefghijk",
    ],
)
def test_what_is_repeated_of_a_key_is_still_cut(text: str):
    assert "cdefghij" not in scrub(text, KEYED.api_key)
    assert "key-0123" not in scrub(text, KEYED.api_key)
