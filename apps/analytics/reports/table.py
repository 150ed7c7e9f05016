"""The same report as CSV: a row each for the whole, for each part of each break-down and for each bucket, told apart by `section`. Pure."""

import csv
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

from apps.analytics.export.lines import safe_cell
from apps.analytics.reports.figures import figures
from apps.analytics.reports.reading import Reading
from apps.analytics.reports.report import PLAIN, Clients, broken_down
from apps.analytics.rollup.measures import NOTHING
from apps.core.json_types import JSONObject

SECTIONS: Final = (*PLAIN, "client")
HEAD: Final = ("section", "name", "start", *figures(NOTHING))


def lines(reading: Reading, clients: Clients, zone: tzinfo) -> Iterator[str]:
    """Lines with their ends, one at a time; times as they are in the zone. No name in it is run as a formula."""
    writer = csv.writer(_Line())
    for row in (HEAD, *_rows(reading, clients, zone)):
        yield writer.writerow(row)


def _rows(reading: Reading, clients: Clients, zone: tzinfo) -> Iterator[list[str]]:
    whole = reading.bounds[0]
    yield _row("total", "", whole, figures(reading.whole.total), zone)
    for section in SECTIONS:
        for key, row in broken_down(section, reading):
            yield _row(section, _client(key, clients) if section == "client" else key, whole, row, zone)
    for start, measures in zip(reading.bounds[:-1], reading.buckets, strict=True):
        yield _row("time", "", start, figures(measures), zone)


def _client(key: str, clients: Clients) -> str:
    return key and (clients.get(int(key), {}).get("client") or f"#{key}")


def _row(section: str, name: str, start: datetime, row: JSONObject, zone: tzinfo) -> list[str]:
    cells = (section, name, start.astimezone(zone).isoformat(timespec="seconds"), *row.values())
    return list(map(safe_cell, cells))


class _Line:
    """A file that gives each line back."""

    def write(self, line: str) -> str:
        return line
