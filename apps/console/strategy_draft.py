"""A strategy as it is being written: its clauses one by one, what is wrong with each, and how it differs from the shipped form. Pure, but
for what `check_definition` knows of the catalogue."""

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.strict_json import decode, refuse_halves
from apps.strategies.checking import check_definition
from apps.strategies.definition import MAX_CLAUSES, Definition, DefinitionError, parse_definition

MOST_SUGGESTED: Final = 6
MAX_EXPRESSION: Final = 4_000
MAX_JSON: Final = 100_000
MEANT: Final = re.compile(r"Did you mean (\S+?)\?$")
TOKEN: Final = re.compile(r"[A-Za-z_][\w.]*|'[^']*'|\"[^\"]*\"|\S")
WHOLE: Final = re.compile(r"-?\d{1,9}")
Section = str
SECTIONS: Final = ("require", "prefer")


class Problem(Struct, frozen=True):
    """What is wrong with a clause. The expression is cut where it is: `before`, `token`, `after`. `meant`: what may stand for the token."""

    message: str
    column: int = 0
    before: str = ""
    token: str = ""
    after: str = ""
    meant: str = ""
    allowed: tuple[str, ...] = ()

    @property
    def nearest(self) -> tuple[str, ...]:
        """The first few of what may stand there."""
        return self.allowed[:MOST_SUGGESTED]


class Clause(Struct, kw_only=True):
    """One row. `weight` is as it was typed. `holds`: for how many candidates, where that is known."""

    section: Section
    at: int
    when: str
    weight: str = ""
    problem: Problem | None = None
    warning: str = ""
    holds: int | None = None

    @property
    def name(self) -> str:
        """r0, p1."""
        return f"{self.section[0]}{self.at}"

    @property
    def is_empty(self) -> bool:
        """An empty row is none: it is neither wrong nor saved."""
        return not self.when.strip()


class Line(NamedTuple):
    """Of a comparison: "+", "-" or " "."""

    sign: str
    text: str


class Draft:
    """Clauses as somebody typed them."""

    def __init__(self, require: list[Clause], prefer: list[Clause]) -> None:
        self.require = require
        self.prefer = prefer
        self.total = 0
        """How many candidates `holds` counts among."""

    @property
    def clauses(self) -> list[Clause]:
        """All of them."""
        return [*self.require, *self.prefer]

    @property
    def problems(self) -> int:
        """How many clauses cannot be saved."""
        return sum(clause.problem is not None for clause in self.clauses)

    def rows(self, section: Section) -> list[Clause]:
        """Those of one section; it can be changed."""
        return self.require if section == "require" else self.prefer

    def raw(self) -> JSONObject:
        """The definition, without empty rows and without what is wrong."""
        good = [clause for clause in self.clauses if not clause.is_empty and clause.problem is None]
        found: JSONObject = {}
        if require := [{"when": clause.when} for clause in good if clause.section == "require"]:
            found["require"] = require
        if prefer := [_preference(clause) for clause in good if clause.section == "prefer"]:
            found["prefer"] = prefer
        return found

    def by_path(self) -> dict[str, Clause]:
        """The clauses of `raw`, by the paths that they have there."""
        found: dict[str, Clause] = {}
        for section in SECTIONS:
            good = [one for one in self.rows(section) if not one.is_empty and one.problem is None]
            found |= {f"{section}[{place}].when": clause for place, clause in enumerate(good)}
        return found

    def judge(self) -> Definition:
        """Note what is wrong with each clause, and what has no effect; the definition of the others."""
        for clause in self.clauses:
            if not clause.is_empty:
                clause.problem = _problem(clause)
        places = self.by_path()
        try:
            checked = check_definition(self.raw())
        except DefinitionError as error:
            if wrong := places.get(error.clause):
                wrong.problem = _explained(error, wrong.when)
            return parse_definition(self.raw())
        for warning in checked.warnings:
            if useless := places.get(warning.clause):
                useless.warning = warning.message
        return checked.definition


def of_definition(raw: Mapping[str, Any]) -> Draft:
    """The rows of a stored definition; of what is no clause, none."""
    found = Draft([], [])
    for section in SECTIONS:
        clauses = raw.get(section, [])
        for one in clauses if isinstance(clauses, list) else ():
            if isinstance(one, dict):
                weight = one.get("weight", "")
                shown = f"{weight:g}" if isinstance(weight, float) else str(weight)
                _append(found, section, str(one.get("when", "")), shown)
    return found


def of_lists(require: list[str], prefer: list[str], weights: list[str]) -> Draft:
    """The rows of a form."""
    found = Draft([], [])
    for when in require[:MAX_CLAUSES]:
        _append(found, "require", when, "")
    for place, when in enumerate(prefer[:MAX_CLAUSES]):
        _append(found, "prefer", when, weights[place] if place < len(weights) else "")
    return found


def of_json(text: str) -> Draft:
    """The rows of a definition in JSON. Raises ValueError with what is wrong."""
    if len(text) > MAX_JSON:
        raise ValueError(f"The text is longer than {MAX_JSON:,} characters.")
    try:
        raw = decode(text.encode())
        refuse_halves(text)
    except ValueError as error:
        raise ValueError(f"That is no JSON that can be kept: {error}.") from None
    if not isinstance(raw, dict) or not set(raw) <= set(SECTIONS):
        raise ValueError('A definition is {"require": [{"when"}], "prefer": [{"when", "weight"}]}.')
    for section in SECTIONS:
        clauses = raw.get(section, [])
        if not isinstance(clauses, list) or not all(isinstance(one, dict) for one in clauses):
            raise ValueError(f"`{section}` must be a list of clauses.")
        if len(clauses) > MAX_CLAUSES:
            raise ValueError(f"`{section}` has more than {MAX_CLAUSES} clauses.")
    return of_definition(raw)


def add(draft: Draft, section: Section) -> None:
    """Another, empty row, as long as there may be one."""
    if len(draft.rows(section)) < MAX_CLAUSES:
        _append(draft, section, "", "10" if section == "prefer" else "")


def drop(draft: Draft, section: Section, at: int) -> None:
    """Without this row; nothing happens where there is none."""
    rows = draft.rows(section)
    if 0 <= at < len(rows):
        del rows[at]
    for place, clause in enumerate(rows):
        clause.at = place


def use(draft: Draft, section: Section, at: int) -> None:
    """Put what was meant in place of what is wrong."""
    draft.judge()
    rows = draft.rows(section)
    if 0 <= at < len(rows) and (problem := rows[at].problem) and problem.meant:
        rows[at].when = f"{problem.before}{problem.meant}{problem.after}"
        rows[at].problem = None


def compare(before: JSONObject, after: JSONObject) -> list[Line]:
    """Line by line, all of both; none where they are the same."""
    if before == after:
        return []
    old, new = list(_lines(before)), list(_lines(after))
    found = [line for line in difflib.ndiff(old, new) if not line.startswith("?")]
    return [Line(line[0], line[2:]) for line in found]


def pretty(raw: JSONObject) -> str:
    """A clause a line."""
    return "\n".join(_lines(raw))


def _append(draft: Draft, section: Section, when: str, weight: str) -> None:
    rows = draft.rows(section)
    text = when.replace("\r\n", "\n").replace("\0", "")[:MAX_EXPRESSION]
    rows.append(Clause(section=section, at=len(rows), when=text, weight=weight.strip()[:20]))


def _preference(clause: Clause) -> JSONObject:
    return {"when": clause.when, "weight": _number(clause.weight)}


def _number(text: str) -> int | float | str:
    """As JSON would hold it; the text, where it is no number."""
    if WHOLE.fullmatch(text):
        return int(text)
    try:
        value = float(text.replace(",", ".").replace("−", "-"))
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def _problem(clause: Clause) -> Problem | None:
    one = _preference(clause) if clause.section == "prefer" else {"when": clause.when}
    try:
        parse_definition({clause.section: [one]})
    except DefinitionError as error:
        return _explained(error, clause.when)
    return None


def _explained(error: DefinitionError, when: str) -> Problem:
    if not error.clause.endswith(".when"):
        return Problem(f"The weight {error.message}.")
    found = TOKEN.match(when, error.position)
    token = found[0] if found else ""
    meant = MEANT.search(error.message)
    return Problem(
        message=error.message,
        column=error.position + 1,
        before=when[: error.position],
        token=token,
        after=when[error.position + len(token) :],
        meant=meant[1] if meant and token else "",
        allowed=_nearest_first(token, error.allowed),
    )


def _nearest_first(token: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    near = difflib.get_close_matches(token[:60], allowed, n=MOST_SUGGESTED, cutoff=0.4)
    return (*near, *(word for word in allowed if word not in near))


def _lines(raw: JSONObject) -> Iterator[str]:
    yield "{"
    held = [section for section in SECTIONS if raw.get(section)]
    for section in held:
        yield f'  "{section}": ['
        clauses = raw[section]
        for place, clause in enumerate(clauses, start=1):
            yield f"    {json.dumps(clause, ensure_ascii=False)}{',' if place < len(clauses) else ''}"
        yield "  ]," if section != held[-1] else "  ]"
    yield "}"
