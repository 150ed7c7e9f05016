"""Which characters no name may hold."""

import pytest

from apps.core.odd_names import odd_character


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("a\u202ecod.exe", "U+202E"),
        ("\u2066hidden\u2069", "U+2066"),
        ("two\nlines", "U+000A"),
        ("tab\there", "U+0009"),
        ("nul\x00", "U+0000"),
        ("next\x85line", "U+0085"),
        ("line\u2028separator", "U+2028"),
        ("no\u200bwidth", "U+200B"),
        ("\ufeffmark", "U+FEFF"),
        ("half \ud800", "U+D800"),
        ("soft\u00adhyphen", "U+00AD"),
        ("\u3164", "U+3164"),
        ("\u115f", "U+115F"),
        ("\uffa0", "U+FFA0"),
        ("\u2800", "U+2800"),
        ("a\u180eb", "U+180E"),
        ("\u2062", "U+2062"),
        ("flag \U000e0041", "U+E0041"),
        ("\ufffe", "U+FFFE"),
        ("\U0001ffff", "U+1FFFF"),
        ("\u200d", "U+200D"),
        ("ad\u200dmin", "U+200D"),
        ("admin\ufe0f", "U+FE0F"),
    ],
)
def test_controls_marks_of_direction_and_what_cannot_be_seen_are_refused(text, odd):
    assert odd_character(text) == odd


@pytest.mark.parametrize(
    "text",
    [
        "my app",
        "Müllers Büro",
        "שרת",
        "خادم",
        "नमस्ते",
        "می\u200cخواهم",
        "👩\u200d💻",
        "a\u00a0b",
        "1\ufe0f\u20e3",
        "❤\ufe0f",
        "क\u094d\u200dष",
    ],
)
def test_names_of_every_script_are_names(text):
    assert odd_character(text) is None
