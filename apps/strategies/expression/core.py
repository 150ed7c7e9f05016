"""The checked tree: names are resolved to fields, every operator to the function of its overload.

The checker makes it, the compiler consumes it. Each node knows its static type.
"""

from dataclasses import dataclass

from apps.strategies.expression.fields import Field
from apps.strategies.expression.operators import Function
from apps.strategies.expression.types import BOOL, Type, Value


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that does not depend on candidate or request; None is the constant unknown (``1 / 0``)."""

    type: Type
    value: Value


@dataclass(frozen=True, slots=True)
class Read:
    """The value of a field."""

    field: Field

    @property
    def type(self) -> Type:
        return self.field.type


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of one or two arguments that is unknown as soon as one argument is."""

    type: Type
    function: Function
    arguments: tuple["Typed", ...]


@dataclass(frozen=True, slots=True)
class Combine:
    """A chain of ``&&`` (``decisive`` False) or ``||`` (True): one decisive operand decides it."""

    decisive: bool
    operands: tuple["Typed", ...]

    @property
    def type(self) -> Type:
        return BOOL


@dataclass(frozen=True, slots=True)
class Choose:
    """The conditional; unknown if its condition is."""

    type: Type
    condition: "Typed"
    then: "Typed"
    otherwise: "Typed"


@dataclass(frozen=True, slots=True)
class Build:
    """A list; unknown if one of its items is."""

    type: Type
    items: tuple["Typed", ...]


Typed = Constant | Read | Apply | Combine | Choose | Build
