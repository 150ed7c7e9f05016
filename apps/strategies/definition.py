"""A strategy's definition, ``{"require": [{"when"}], "prefer": [{"when", "weight"}]}``, checked and compiled.

``parse_definition`` refuses at the first mistake with a DefinitionError that names the clause, the column and
what is allowed. ``lint_definition`` looks at a valid one with the knowledge of what providers exist.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.core.json_types import JSONObject
from apps.strategies.expression import (
    FIELDS,
    UNKNOWN,
    CandidateFacts,
    Compiled,
    ExpressionError,
    RequestFacts,
    Source,
    compile_expression,
)
from apps.strategies.expression.errors import did_you_mean
from apps.strategies.expression.syntax import Binary, Literal, Name, walk

MAX_CLAUSES: Final = 32
"""Clauses of each kind in one definition."""
MAX_WEIGHT: Final = 1_000_000.0
"""The largest weight, either sign: any sum of weights stays finite and exact enough to rank by."""

_SECTIONS: Final[dict[str, tuple[str, ...]]] = {"require": ("when",), "prefer": ("when", "weight")}
_STATIC_FIELDS: Final = tuple(
    field.attribute for field in FIELDS.values() if field.source is Source.CATALOGUE
)


class DefinitionError(Exception):
    """A definition that is refused.

    ``clause`` is a path such as ``prefer[0].when`` (``definition`` for the whole), ``position`` the 0-based
    column in its expression (0 where the clause is no expression), ``allowed`` what may stand there.
    """

    def __init__(self, clause: str, message: str, allowed: Sequence[str] = (), position: int = 0) -> None:
        super().__init__(f"{clause}: {message}")
        self.clause = clause
        self.position = position
        self.message = message
        self.allowed = tuple(allowed)

    def as_detail(self) -> JSONObject:
        """``{"clause", "position", "message", "allowed"}``, as the API answers it."""
        return {
            "clause": self.clause,
            "position": self.position,
            "message": self.message,
            "allowed": list(self.allowed),
        }


@dataclass(frozen=True, slots=True)
class Requirement:
    """A clause that candidates must meet."""

    path: str
    condition: Compiled

    def keeps(self, candidate: CandidateFacts, request: RequestFacts) -> bool:
        """Whether the candidate stays.

        A true clause keeps it, a false one does not. An unknown one keeps it if the reason is a measurement
        that is still to come: traffic brings it, and a provider that never gets traffic would never be
        measured. Nothing brings a missing catalogue fact (a price that nobody knows) or a number that cannot
        be computed, so those exclude.
        """
        verdict = self.condition.evaluate(candidate, request)
        return self._waits_for_a_measurement(candidate) if verdict is UNKNOWN else verdict

    def _waits_for_a_measurement(self, candidate: CandidateFacts) -> bool:
        missing = {
            field.source
            for field in self.condition.fields
            if not field.of_request and getattr(candidate, field.attribute) is None
        }
        return missing == {Source.MEASURED}


@dataclass(frozen=True, slots=True)
class Preference:
    """A clause that adds its weight to the score of the candidates that it matches."""

    path: str
    condition: Compiled
    weight: float

    def matches(self, candidate: CandidateFacts, request: RequestFacts) -> bool:
        """Whether the clause is true. An unknown one does not match."""
        return self.condition.evaluate(candidate, request) is True


@dataclass(frozen=True, slots=True)
class Definition:
    """A valid definition. ``raw`` is an own copy of what was given, for storing."""

    raw: JSONObject
    require: tuple[Requirement, ...]
    prefer: tuple[Preference, ...]

    def unmet(self, candidate: CandidateFacts, request: RequestFacts) -> Requirement | None:
        """The first requirement that excludes the candidate; None if it stays."""
        for requirement in self.require:
            if not requirement.keeps(candidate, request):
                return requirement
        return None

    def matched(self, candidate: CandidateFacts, request: RequestFacts) -> list[Preference]:
        """The preferences that match the candidate, in the order of the definition."""
        return [preference for preference in self.prefer if preference.matches(candidate, request)]


def parse_definition(raw: object) -> Definition:
    """The definition in ``raw``, a decoded JSON value. Raises DefinitionError."""
    known = _object(raw, "definition", tuple(_SECTIONS))
    require = tuple(
        Requirement(f"{path}.when", _condition(clause, path)) for path, clause in _clauses(known, "require")
    )
    prefer = tuple(
        Preference(f"{path}.when", _condition(clause, path), _weight(clause, path))
        for path, clause in _clauses(known, "prefer")
    )
    return Definition(copy.deepcopy(dict(known)), require, prefer)


def _object(value: object, path: str, keys: tuple[str, ...]) -> Mapping[str, object]:
    """``value`` as an object with no keys but ``keys``."""
    if not isinstance(value, dict):
        raise DefinitionError(path, f"must be an object, found {_json_type(value)}", keys)
    for key in value:
        if key not in keys:
            raise DefinitionError(path, f"unknown key {key!r}.{did_you_mean(str(key), keys)}", keys)
    return value


def _clauses(definition: Mapping[str, object], section: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The clauses of a section with their paths; none if the section is absent."""
    clauses = definition.get(section, [])
    keys = _SECTIONS[section]
    if not isinstance(clauses, list):
        message = f"must be a list of clauses, found {_json_type(clauses)}"
        raise DefinitionError(section, message, keys)
    if len(clauses) > MAX_CLAUSES:
        raise DefinitionError(section, f"has {len(clauses)} clauses, more than the {MAX_CLAUSES} allowed")
    for index, clause in enumerate(clauses):
        path = f"{section}[{index}]"
        fields = _object(clause, path, keys)
        for key in keys:
            if key not in fields:
                raise DefinitionError(f"{path}.{key}", "is missing", keys)
        yield path, fields


def _condition(clause: Mapping[str, object], path: str) -> Compiled:
    source = clause["when"]
    if not isinstance(source, str):
        message = f"must be a string that holds an expression, found {_json_type(source)}"
        raise DefinitionError(f"{path}.when", message, ("string",))
    try:
        return compile_expression(source)
    except ExpressionError as error:
        raise DefinitionError(f"{path}.when", error.message, error.allowed, error.position) from error


def _weight(clause: Mapping[str, object], path: str) -> float:
    weight = clause["weight"]
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise DefinitionError(f"{path}.weight", f"must be a number, found {_json_type(weight)}", ("number",))
    if not abs(weight) <= MAX_WEIGHT:  # so written, it refuses NaN too
        limits = f"-{MAX_WEIGHT:.0f} to {MAX_WEIGHT:.0f}"
        raise DefinitionError(f"{path}.weight", f"must be from {limits}", (limits,))
    return float(weight)


def _json_type(value: object) -> str:
    """How JSON calls the type of a decoded value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return type(value).__name__


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a valid definition, given the providers there are.

    ``errors``: requirements that exclude every one of them, whatever happens. ``warnings``: things that
    have no effect today, such as a tag that nobody carries.
    """

    errors: tuple[DefinitionError, ...]
    warnings: tuple[DefinitionError, ...]


def lint_definition(definition: Definition, known: Sequence[CandidateFacts]) -> Findings:
    """Holds the definition against the provider models there are, one CandidateFacts each.

    Only their catalogue fields are looked at; everything that changes by itself counts as unknown, so an
    error is certain. Without any provider model there is nothing to find.
    """
    if not known:
        return Findings((), ())
    static = [_static_part(candidate) for candidate in known]
    return Findings(tuple(_unmeetable(definition, static)), tuple(_unknown_tags(definition, static)))


def _static_part(candidate: CandidateFacts) -> CandidateFacts:
    return CandidateFacts(**{name: getattr(candidate, name) for name in _STATIC_FIELDS})


def _unmeetable(definition: Definition, static: Sequence[CandidateFacts]) -> Iterator[DefinitionError]:
    """The requirements that are false for all, and the one at which the last candidate drops out."""
    left = list(static)
    for requirement in definition.require:
        possible = [facts for facts in static if _may_meet(requirement, facts)]
        if not possible:
            message = "no known provider can ever meet this requirement"
            yield DefinitionError(requirement.path, message)
            continue
        remaining = [facts for facts in left if _may_meet(requirement, facts)]
        if left and not remaining:
            message = "no known provider can ever meet this requirement and those before it"
            yield DefinitionError(requirement.path, message)
        left = remaining


def _may_meet(requirement: Requirement, facts: CandidateFacts) -> bool:
    return requirement.condition.evaluate(facts, RequestFacts()) is not False


def _unknown_tags(definition: Definition, static: Sequence[CandidateFacts]) -> Iterator[DefinitionError]:
    carried = sorted({tag for facts in static for tag in facts.tags or ()})
    clauses: tuple[Requirement | Preference, ...] = (*definition.require, *definition.prefer)
    for clause in clauses:
        for literal in _tag_literals(clause.condition):
            if literal.value not in carried:
                hint = did_you_mean(str(literal.value), carried)
                message = f"no known provider carries the tag {literal.value!r}.{hint}"
                yield DefinitionError(clause.path, message, carried, literal.position)


def _tag_literals(condition: Compiled) -> Iterator[Literal]:
    """The tags that the condition looks for: every literal in ``"tag" in tags``."""
    for node in walk(condition.syntax):
        match node:
            case Binary(operator="in", left=Literal() as literal, right=Name(name="tags")):
                yield literal
