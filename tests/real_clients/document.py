"""The matrix in words: on a terminal, and as the table of docs/CLIENTS.md, which is generated."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from tests.real_clients.matrix import CELLS, ROOM, Row

PAGE: Final = ROOM.parents[1] / "docs" / "CLIENTS.md"
BEGIN: Final = "<!-- matrix: `make clients WRITE=1` writes it -->"
END: Final = "<!-- end of the matrix -->"
ABSENT: Final = "-"


def printed(rows: Sequence[Row]) -> str:
    """A line for each client, then a sentence for each red cell and each client that could not be run."""
    width = max(len(row.client.name) for row in rows)
    lines = ["".join([" " * (width + 2), *(f"{cell:<16}" for cell in CELLS)])]
    for row in rows:
        words = [f"{_word(row, cell):<16}" for cell in CELLS] if not row.missing else [row.missing]
        lines.append(f"{row.client.name:<{width}}  {''.join(words)}{row.seconds:6.1f} s  {row.version}")
    lines += [f"RED  {row.client.name}, {cell}: {words}" for row in rows for cell, words in row.red.items()]
    green = sum(not words for row in rows for words in row.cells.values())
    red = sum(len(row.red) for row in rows)
    absent = sum(bool(row.missing) for row in rows)
    lines.append(f"{green} cells well, {red} red; {absent} clients could not be run.")
    return "\n".join(lines) + "\n"


def write(rows: Sequence[Row], today: date | None = None) -> None:
    """Put the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    day = today or datetime.now(UTC).date()
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows, day)}{END}{after}", encoding="utf-8")


def table(rows: Sequence[Row], day: date) -> str:
    """As Markdown."""
    head = ["client", "version", "asks", *CELLS]
    lines = [f"As of {day.isoformat()}.", "", _line(head), "|" + "---|" * len(head)]
    lines += [
        _line(
            [
                row.client.title,
                row.version or ABSENT,
                f"`{row.client.asks}`",
                *(_word(row, cell) for cell in CELLS),
            ]
        )
        for row in rows
    ]
    lines += [f"\n{row.client.title} could not be run: {row.missing}." for row in rows if row.missing]
    return "\n".join(lines) + "\n"


def _word(row: Row, cell: str) -> str:
    if cell not in row.cells:
        return ABSENT
    return "no" if row.cells[cell] else "yes"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
