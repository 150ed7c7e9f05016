"""docs/CONFIGURATION.md, made of what reads the configuration: the settings' own parsers and defaults, and the columns of `app_config`.

What a variable is for stands in one place, the table of docs/OPERATIONS.md § 2: a default there that the code does not have is refused.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Field

from apps.gateway.admin import GROUPS, HELP
from apps.gateway.models import AppConfig
from freeai import env, values

BEGIN, END = "<!-- manage.py document_settings -->", "<!-- end -->"
SETTINGS: Final = Path(__file__).with_name("settings.py")
OPERATIONS: Final = "OPERATIONS.md"
PART: Final = re.compile(r"^# --- (?P<title>[^:\n]+?)(?::[^\n]*?)? ?-{3,}$", re.MULTILINE)
READ: Final = re.compile(r"""env\.(?:read|secret)\(\s*"(?P<name>FREEAI_[A-Z_]+)\"""")
ROW: Final = re.compile(r"^\| `(FREEAI_[A-Z_]+)` \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
NOT_MEANT: Final = "?! ?"
"""Nothing that a variable may hold: what a parser says of it is what it takes."""
SECTION: Final = re.compile(r"\((§ \d)")
"""A section of the other document."""
NAMED_NUMBER: Final = re.compile(r"(\d[\d_]*)( \(.*\))?")


class Row(NamedTuple):
    """A variable as people know it."""

    default: str
    meaning: str


def written(document: str) -> str:
    """The document with both lists in it. Raises ValueError where it has no place for them, or where the words do not fit the code."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The document has no {BEGIN} … {END}.")
    return f"{before}{BEGIN}\n{variables()}\n{columns()}\n{END}{after}"


def variables() -> str:
    """A table for each part of the settings."""
    rows = _rows()
    parts = [
        f"### {title}\n\n| variable | default | takes | meaning |\n|---|---|---|---|\n"
        + "\n".join(_line(name, rows) for name in names)
        for title, names in _parts()
    ]
    return "\n## Variables\n\n" + "\n\n".join(parts) + "\n"


def columns() -> str:
    """A table for each group of `app_config`."""
    fields = {field.name: field for field in AppConfig._meta.concrete_fields}
    tables = []
    for title, names in GROUPS.items():
        lines = [_column(fields[name]) for name in names]
        tables.append(
            f"### {title}\n\n| setting | default | takes | meaning |\n|---|---|---|---|\n" + "\n".join(lines)
        )
    return "## Settings of a running gateway\n\n" + "\n\n".join(tables) + "\n"


def allowed(parse: Callable[[str], Any]) -> str:
    """What a parser of `values` takes, in the words in which it refuses anything else."""
    try:
        parse(NOT_MEANT)
    except ValueError as refusal:
        return str(refusal).partition("; it is ")[0].rstrip(".")
    return "any text"


def _line(name: str, rows: dict[str, Row]) -> str:
    if name not in rows:
        raise ValueError(f"{name} has no row in docs/{OPERATIONS} § 2, which says what it is for.")
    row, declared = rows[name], env.declared[name]
    if not _fits(row.default, declared.default):
        raise ValueError(
            f"docs/{OPERATIONS} § 2 says {row.default!r} of {name}, whose default is {declared.default!r}."
        )
    takes = "a folder" if declared.parse is values.directory else allowed(declared.parse).replace("|", "\\|")
    meaning = SECTION.sub(rf"({OPERATIONS} \1", row.meaning)
    return f"| `{name}` | {row.default} | {takes} | {meaning} |"


def _fits(told: str, default: object) -> bool:
    """Whether the told default is the code's. What depends on the machine (a folder, a terminal) is told in words."""
    if isinstance(default, bool):
        return told in (("1", "on") if default else ("0", "off"))
    if isinstance(default, int):
        found = NAMED_NUMBER.fullmatch(told)
        return found is not None and int(found[1]) == default
    if default in ("", [], frozenset()) or (isinstance(default, tuple) and not any(default[:1])):
        return told == "none" or "made by set-up" in told
    if isinstance(default, list):
        return told.strip("`") in (",".join(default), " ".join(default))
    return not isinstance(default, str) or told.split("`")[1:2] == [default] or "terminal" in told


def _rows() -> dict[str, Row]:
    text = (settings.BASE_DIR / "docs" / OPERATIONS).read_text(encoding="utf-8")
    return {name: Row(default, meaning) for name, default, meaning in ROW.findall(text)}


def _parts() -> Iterator[tuple[str, list[str]]]:
    """The parts of the settings module that read variables, in its order."""
    text = SETTINGS.read_text(encoding="utf-8")
    begins = [*PART.finditer(text)]
    yield "Data directory", _read_in(text[: begins[0].start()])
    for number, begin in enumerate(begins):
        end = begins[number + 1].start() if number + 1 < len(begins) else len(text)
        if names := _read_in(text[begin.end() : end]):
            title = begin["title"].strip()
            yield title[0].upper() + title[1:], names


def _read_in(text: str) -> list[str]:
    return list(dict.fromkeys(found["name"] for found in READ.finditer(text)))


def _column(field: "Field[Any, Any]") -> str:
    default = field.default
    told = {True: "on", False: "off", "": "empty"}.get(default) if isinstance(default, bool | str) else None
    shown = told or (
        f"`{_number(default)}`" if not isinstance(default, str) or "\n" not in default else "see below"
    )
    meaning = HELP.get(field.name) or str(field.help_text) or field.name.replace("_", " ")
    if "\n" in str(default):
        meaning += f" Default: {', '.join(f'`{line}`' for line in str(default).splitlines())}."
    return f"| `{field.name}` | {shown} | {_range(field)} | {meaning} |"


def _range(field: "Field[Any, Any]") -> str:
    least = [each.limit_value for each in field.validators if isinstance(each, MinValueValidator)]
    most = [each.limit_value for each in field.validators if isinstance(each, MaxValueValidator)]
    if least or most:
        low = f"from {_number(max(least))} " if least else ""
        return f"{low}to {_number(min(most))}" if most else low.strip()
    kind = field.get_internal_type()
    return {"BooleanField": "on or off", "EmailField": "an address"}.get(kind, "text")


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
