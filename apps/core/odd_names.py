"""Characters that no name may hold: they break lines, end strings, or make a name read as another one."""

import unicodedata
from typing import Final

from django.core.exceptions import ValidationError

DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the direction of what follows: "\u202ecod.exe" reads "exe.doc"."""
SPANS_UNSEEN: Final = (
    *[
        "00ad",
        "034f",
        "115f-1160",
        "17b4-17b5",
        "180b-180f",
        "200b",
        "2060-2064",
        "206a-206f",
        "2800",
        "3164",
        "feff",
        "ffa0",
        "fff0-fffb",
    ],
    *["1bca0-1bca3", "1d173-1d17a", "e0000-e0fff"],
)
"""What has no width or no ink: Unicode's Default_Ignorable_Code_Point and the blank of Braille, but for `JOINERS` and `VARIATIONS`."""
UNSEEN: Final = frozenset(
    chr(point)
    for first, _, last in (span.partition("-") for span in SPANS_UNSEEN)
    for point in range(int(first, 16), int(last or first, 16) + 1)
)
JOINERS: Final = frozenset("\u200c\u200d")
"""Several scripts need them, and emoji: after a character of theirs, and so never after one of ASCII, where they make two names of one."""
VARIATIONS: Final = frozenset(chr(point) for point in range(0xFE00, 0xFE10))
"""How the character before looks: a digit of a keycap, an emoji, never a letter of ASCII."""
KEYCAPS: Final = frozenset("0123456789#*")
NONE: Final = frozenset(
    [
        *map(chr, range(0xFDD0, 0xFDF0)),
        *(chr(end) for last in range(0xFFFF, 0x110000, 0x10000) for end in (last - 1, last)),
    ]
)
"""Where Unicode will never have a character."""
REFUSED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, halves of characters, and separators of lines and paragraphs."""


def odd_character(text: str) -> str | None:
    """The first character of `text` that no name may hold, as U+202E; None where there is none."""
    for before, character in zip(" " + text, text, strict=False):
        if _is_odd(character, before):
            return f"U+{ord(character):04X}"
    return None


def plain_name(text: str) -> None:
    """A validator of models, forms and serializers. Raises ValidationError."""
    if odd := odd_character(text):
        raise ValidationError(
            f"A name cannot hold the character {odd}: controls, marks of direction and what has no width are refused.",
            code="odd_character",
        )


def _is_odd(character: str, before: str) -> bool:
    if character in JOINERS:
        return before.isascii()
    if character in VARIATIONS:
        return before.isascii() and before not in KEYCAPS
    return (
        character in DIRECTIONS
        or character in UNSEEN
        or unicodedata.category(character) in REFUSED
        or character in NONE
    )
