"""Users as queries and commands name them. The ledger knows their numbers."""

from typing import Final

from django.contrib.auth import get_user_model

MOST_DIGITS: Final = 18


def user_named(text: str) -> int:
    """A user by name, or by number: the ledger keeps the events of those who were deleted. Raises ValueError."""
    row = get_user_model().objects.filter(username=text).first()
    if row is not None:
        return int(row.pk)
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
        return int(text)
    raise ValueError("There is no user of this name.")
