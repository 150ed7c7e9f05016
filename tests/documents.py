"""Documents as tests read them: sections, tables, code blocks, and stated answers in which `…` stands for what varies."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"
VARYING = re.compile(r"created|created_at|latency_ms|\w+_duration|\w+_tokens")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the last heading above it."""

    language: str
    text: str
    title: str


class Document:
    """One file of `docs/`."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text(encoding="utf-8")

    def section(self, title: str) -> str:
        """The text below a heading, up to the next heading of any level."""
        found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", self.text, re.MULTILINE | re.DOTALL)
        assert found, f"no section {title}"
        return found[1]

    def rows(self, title: str) -> list[list[str]]:
        """The cells of a section's tables, without their heads."""
        return rows(self.section(title))

    def blocks(self) -> list[Block]:
        """All code blocks, in their order."""
        return [
            Block(found[1], found[2], HEADING.findall(self.text, 0, found.start())[-1])
            for found in BLOCK.finditer(self.text)
        ]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in `text`, without their heads."""
    lines = text.splitlines()
    cells: list[list[str]] = []
    for at, line in enumerate(lines):
        if line.startswith("|") and not _is_head(lines, at):
            cells.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return cells


def _is_head(lines: list[str], at: int) -> bool:
    """Whether the line is a table's head or the rule below it."""
    return any(line.startswith("|---") for line in lines[at : at + 2])


def codes(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def assert_alike(stated: Any, got: Any, where: str = "answer") -> None:
    """`got` has the members of `stated`, and no others. `…` in a text stands for any text, at the end of a list for more items; of
    floats and of what varies from call to call only the type counts."""
    if isinstance(stated, dict):
        assert isinstance(got, dict), where
        assert set(stated) == set(got), where
        for name, value in stated.items():
            if isinstance(value, int) and VARYING.fullmatch(name):
                assert type(got[name]) is type(value), f"{where}.{name}"
            else:
                assert_alike(value, got[name], f"{where}.{name}")
    elif isinstance(stated, list):
        _assert_lists_alike(stated, got, where)
    elif isinstance(stated, str):
        assert isinstance(got, str), where
        assert re.fullmatch(_pattern(stated), got, re.DOTALL), f"{where}: {got}"
    elif isinstance(stated, float):
        assert isinstance(got, float), where
    else:
        assert stated == got, where


def _assert_lists_alike(stated: list[Any], got: Any, where: str) -> None:
    assert isinstance(got, list), where
    is_open = bool(stated) and stated[-1] == ANY
    known = stated[:-1] if is_open else stated
    assert len(got) >= len(known) if is_open else len(got) == len(known), f"{where}: {len(got)} items"
    for at, (one, other) in enumerate(zip(known, got, strict=False)):
        assert_alike(one, other, f"{where}[{at}]")


def _pattern(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split(ANY))
