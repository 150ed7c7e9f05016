"""`manage.py document_catalogue`: write the catalogue's tables into docs/PROVIDERS.md."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.providers.catalogue_files import CatalogueError, read_catalogue
from apps.providers.catalogue_tables import written

OUT_OF_DATE, INVALID = 1, 2


class Command(BaseCommand):
    help = (
        "Write the tables of providers and of their notes into docs/PROVIDERS.md. "
        "Exit codes: 0 done, 1 with --check when something would change, 2 for an invalid catalogue or document."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 if something would change"
        )
        parser.add_argument(
            "--document", type=Path, default=settings.BASE_DIR / "docs" / "PROVIDERS.md", help="another file"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        path: Path = options["document"]
        try:
            before = path.read_text(encoding="utf-8")
            after = written(before, read_catalogue())
        except (OSError, ValueError, CatalogueError) as error:
            raise CommandError(str(error), returncode=INVALID) from error
        if before == after:
            self.stdout.write(f"{path.name} says what the catalogue says.")
        elif options["check"]:
            self.stderr.write(f"{path.name} is out of date: run manage.py document_catalogue.")
            sys.exit(OUT_OF_DATE)
        else:
            path.write_text(after, encoding="utf-8")
            self.stdout.write(f"Wrote {path.name}.")
