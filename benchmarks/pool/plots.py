"""The table of `python -m benchmarks.pool` as a picture: `python -m benchmarks.pool.plots < table > picture.svg`.

A bar for each scenario and policy, as long as its share of the reference; the share of upstream calls that were refused is beside it.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Final
from xml.sax.saxutils import escape

from msgspec import Struct

NAME, POLICY, SHARE, REFUSED, FIELDS = 0, 1, 3, 5, 8
LEFT, WIDTH, RIGHT, ROW, GAP, TOP = 150, 420, 150, 18, 10, 34
MOST_SHARE: Final = 110.0
FILLS: Final = {"freeai": "#2f6f4f", "round_robin": "#b58a3a", "priority": "#8a8f98"}
"""Legible on white and on dark ground."""


class Bar(Struct, frozen=True):
    """One row of the table, in percent."""

    scenario: str
    policy: str
    share: float
    refused: float


def bars(lines: Iterable[str]) -> list[Bar]:
    """Those of the table's rows that have a share; the reference is what they are shares of."""
    found = []
    for line in lines:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) >= FIELDS and cells[SHARE].endswith("%") and cells[POLICY] in FILLS:
            share, refused = (float(cells[place].rstrip("%")) for place in (SHARE, REFUSED))
            found.append(Bar(cells[NAME], cells[POLICY], share, refused))
    return found


def drawn(found: Sequence[Bar]) -> str:
    """As SVG, scenarios in the order of the table."""
    parts: list[str] = []
    y, previous = TOP, ""
    for bar in found:
        if bar.scenario != previous:
            y += GAP if previous else 0
            parts.append(_text(LEFT - 8, y + 13, bar.scenario, "end"))
            previous = bar.scenario
        width = min(bar.share, MOST_SHARE) / MOST_SHARE * WIDTH
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 4}" fill="{FILLS[bar.policy]}"/>'
        )
        said = f"{bar.share:.1f} %, {bar.refused:.2f} % refused"
        parts.append(_text(LEFT + round(width) + 6, y + 12, said, "start"))
        y += ROW
    x = LEFT + 100.0 / MOST_SHARE * WIDTH
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{y}" stroke="#888" stroke-dasharray="3 3"/>'
    legend = [
        f'<rect x="{LEFT + place * 110}" y="6" width="10" height="10" fill="{fill}"/>'
        + _text(LEFT + place * 110 + 15, 15, policy, "start")
        for place, (policy, fill) in enumerate(FILLS.items())
        if any(bar.policy == policy for bar in found)
    ]
    size = f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {y + 8}"'
    title = "<title>Share of what a scheduler serves that knows the true quotas</title>"
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', title, *legend, line, *parts, "</svg>\n"]
    )


def _text(x: int, y: int, text: str, anchor: str) -> str:
    style = 'font-family="sans-serif" font-size="11" fill="#777"'
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {style}>{escape(text)}</text>'


def main() -> int:
    """Read the table, write the picture. 1 where the table has no shares: it was made without the reference."""
    found = bars(sys.stdin)
    if not found:
        print("No shares in the table: run it with the policy `reference`.", file=sys.stderr)
        return 1
    sys.stdout.write(drawn(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
