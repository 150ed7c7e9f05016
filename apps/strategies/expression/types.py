"""The static types of the expression language: CEL's int, double, string, bool and lists of these."""

from dataclasses import dataclass
from typing import Final, Self, TypeAlias

Value: TypeAlias = bool | int | float | str | tuple["Value", ...] | None
"""What an expression yields; None is unknown."""


@dataclass(frozen=True, slots=True)
class Type:
    """A scalar type, or a list with the type of its elements (None only for the literal ``[]``)."""

    name: str
    element: Self | None = None

    def __str__(self) -> str:
        return f"{self.name}<{self.element}>" if self.element else self.name

    @property
    def is_list(self) -> bool:
        return self.name == "list"


INT: Final = Type("int")
DOUBLE: Final = Type("double")
STRING: Final = Type("string")
BOOL: Final = Type("bool")
EMPTY_LIST: Final = Type("list")

SCALARS: Final = (INT, DOUBLE, STRING, BOOL)
_NUMBERS: Final = frozenset({INT, DOUBLE})


def list_of(element: Type) -> Type:
    """The list type with these elements."""
    return Type("list", element)


def unify(left: Type, right: Type) -> Type | None:
    """The one type that both values have; None where they differ. ``[]`` takes the type of any list."""
    if left == right:
        return left
    if left.is_list and right.is_list and EMPTY_LIST in (left, right):
        return right if left == EMPTY_LIST else left
    return None


def comparable(left: Type, right: Type) -> bool:
    """Whether ``==`` is defined: equal types, int with double (by value, as in CEL), lists of such."""
    if left in _NUMBERS and right in _NUMBERS:
        return True
    if left.element is not None and right.element is not None:
        return comparable(left.element, right.element)
    return unify(left, right) is not None


def orderable(left: Type, right: Type) -> bool:
    """Whether ``<`` is defined: equal scalar types, or int with double."""
    return left in SCALARS and comparable(left, right)
