"""The query of a request to `/api`, read as strictly as a body: nothing is guessed, nothing passed over, and all that is wrong is told
together, by name."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.core import moments

T = TypeVar("T")

MOST_VALUES: Final = 20
LONGEST: Final = 200


class Query:
    """The parameters of one request. Each reader notes what is wrong and goes on with a default; `finish` raises it all."""

    def __init__(self, request: Request) -> None:
        self._params = request.query_params
        self._read: set[str] = set()
        self._errors: dict[str, list[str]] = {}

    def text(self, name: str) -> str:
        """The one value, "" where there is none."""
        found = self._values(name, 1)
        if found == [""]:
            self.refuse(name, "Must not be empty.")
        return found[0] if found else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value: the parameter may be repeated."""
        return tuple(dict.fromkeys(self._values(name, MOST_VALUES)))

    def flag(self, name: str) -> bool:
        """true or false, and false where it is not there."""
        value = self.text(name)
        if value not in ("", "true", "false"):
            self.refuse(name, "Must be true or false.")
        return value == "true"

    def whole_number(self, name: str, default: int, allowed: range) -> int:
        value = self.text(name)
        digits = value.isascii() and value.isdigit() and len(value) <= len(str(allowed[-1]))
        if value and digits and int(value) in allowed:
            return int(value)
        if value:
            self.refuse(name, f"Must be a whole number from {allowed[0]} to {allowed[-1]}.")
        return default

    def moment(self, name: str) -> datetime | None:
        """As `moments.parse` reads it."""
        return self.parsed(name, moments.parse)

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of the one value, None where there is none. It raises ValueError with a sentence."""
        value = self.text(name)
        if not value:
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.refuse(name, str(error))
            return None

    def refuse(self, name: str, words: str) -> None:
        """Note what is wrong; of one parameter the first."""
        self._errors.setdefault(name, [words])

    def finish(self) -> None:
        """Raises ValidationError for all that is wrong, and for parameters that nobody read."""
        for name in self._params:
            if name not in self._read:
                self.refuse(name[:LONGEST], "Unknown parameter.")
        if self._errors:
            raise ValidationError(self._errors)

    def _values(self, name: str, most: int) -> list[str]:
        self._read.add(name)
        values = self._params.getlist(name)
        if len(values) > most:
            self.refuse(name, f"Must be there at most {most} times." if most > 1 else "Must be there once.")
        if any(len(value) > LONGEST or "\0" in value for value in values):  # no database takes a NUL
            self.refuse(name, f"Must be text of at most {LONGEST} characters, without NUL.")
            return []
        return values[:most]
