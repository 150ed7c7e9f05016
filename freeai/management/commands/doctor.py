"""`manage.py doctor`: what is wrong with this installation, and what to do about it."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand

from apps.clients.management.arguments import whole_number
from freeai.doctor import examining, ledger
from freeai.doctor.findings import LEVELS, Finding

Found = tuple[str, Finding]
WRONG = 1


class Command(BaseCommand):
    help = (
        "Look for every known misconfiguration: settings, secrets, disk, database, Redis, tasks, keys, catalogue; with --ledger, whether "
        "reservations, attempts, usage events, rollups and metrics agree. Nothing is changed. "
        "Exit codes: 0 nothing is wrong, 1 something is (with --strict, a warning too), 2 wrong usage."
    )
    requires_system_checks = []  # it makes them itself, and goes on

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only",
            nargs="+",
            metavar="CHECK",
            choices=[check.name for check in examining.CHECKS],
            default=(),
            help="only these: %(choices)s",
        )
        parser.add_argument("--ledger", action="store_true", help="compare what counts usage, instead")
        parser.add_argument(
            "--days",
            type=whole_number(1, 90),
            default=7,
            help="of the ledger, the last DAYS days (default: 7)",
        )
        parser.add_argument("--strict", action="store_true", help="a warning is wrong, too")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        found = list(
            ledger.compare(options["days"]) if options["ledger"] else examining.examine(options["only"])
        )
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(name, finding) for name, finding in found]))
        else:
            self.stdout.write("\n".join(_lines(found)))
        wrong = ("error", "warning") if options["strict"] else ("error",)
        if any(finding.level in wrong for _, finding in found):
            self.stdout.flush()
            sys.exit(WRONG)


def _as_json(name: str, finding: Finding) -> dict[str, str]:
    return {"check": name, "level": finding.level, "text": finding.text, "remedy": finding.remedy}


def _lines(found: Iterable[Found]) -> Iterable[str]:
    """For people. Of what has something to say, that it is well is left out."""
    counts = dict.fromkeys(LEVELS, 0)
    found = list(found)
    ill = {name for name, finding in found if finding.level != "ok"}
    for name, finding in found:
        counts[finding.level] += 1
        if finding.level == "ok" and name in ill:
            continue
        yield f"{finding.level:8}{name:16}{finding.text}"
        if finding.remedy:
            yield f"{'':24}→ {finding.remedy}"
    yield ""
    yield ", ".join(f"{level}s: {counts[level]}" for level in ("error", "warning", "note"))
