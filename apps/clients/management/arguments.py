"""Argument types of the commands: argparse turns what they raise into exit code 2."""

from argparse import ArgumentTypeError
from collections.abc import Callable

from apps.clients.models import MAX_NAME, MAX_WEIGHT, MIN_WEIGHT
from apps.core.odd_names import odd_character


def name(text: str) -> str:
    """A name as the models store it. Raises ArgumentTypeError."""
    stripped = text.strip()
    if not 0 < len(stripped) <= MAX_NAME:
        raise ArgumentTypeError(f"must have 1 to {MAX_NAME} characters")
    if odd := odd_character(stripped):
        raise ArgumentTypeError(f"cannot hold the character {odd}")
    return stripped


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """A type for numbers in this range. It raises ArgumentTypeError."""

    def parse(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
        if not digits or not lowest <= int(text) <= highest:
            raise ArgumentTypeError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def weight(text: str) -> float:
    """A share. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not MIN_WEIGHT <= number <= MAX_WEIGHT:
        raise ArgumentTypeError(f"must be a number from {MIN_WEIGHT:g} to {MAX_WEIGHT:g}")
    return number
