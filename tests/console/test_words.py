"""Figures and times, as the design prints them."""

import pytest

from apps.console import words
from apps.console.quota_words import limits_in_words
from apps.providers.limits import parse_limits


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0, "0"),
        (1842, "1,842"),
        (9999, "9,999"),
        (10_000, "10 k"),
        (231_400, "231 k"),
        (3_420_000, "3.42 M"),
        (10**9, "1 B"),
    ],
)
def test_short(value, said):
    assert words.short(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (380, "380 ms"), (999.4, "999 ms"), (2140, "2.14 s"), (61_000, "61.00 s")],
)
def test_duration(value, said):
    assert words.duration(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-5, "0 s"),
        (24, "24 s"),
        (90, "1 min"),
        (3600, "1 h"),
        (38_400, "10 h 40 min"),
        (100_000, "27 h 46 min"),
        (400_000, "4 days"),
    ],
)
def test_length(value, said):
    assert words.length(value) == said


def test_money():
    assert (words.dollars(1700), words.price(97_310_000), words.dollars(None)) == ("$0.0017", "$97.31", "–")


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Groq", "Gr"), ("Google Gemini", "GG"), ("NVIDIA NIM", "NV"), ("lab-vllm", "La"), ("", "")],
)
def test_monogram(name, letters):
    assert words.monogram(name) == letters


def test_a_hostile_text_is_cut():
    assert len(words.cut("x" * 10_000)) == words.MAX_SHOWN


def test_limits_are_said_as_the_default_model_has_them():
    limits = parse_limits(
        [
            {"metric": "requests", "unit": "day", "limit": 2000, "models": ["voice-*"], "each": True},
            {"metric": "requests", "unit": "day", "limit": 1000, "each": True},
            {"metric": "requests", "unit": "minute", "limit": 30, "each": True},
            {"metric": "tokens", "unit": "day", "limit": 200_000, "each": True},
        ]
    )

    assert limits_in_words(limits, "chat-1") == "1,000 requests a day · 30 a minute, per model"
    assert limits_in_words((), "chat-1") == ""
