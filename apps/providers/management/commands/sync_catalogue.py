"""`manage.py sync_catalogue`: bring the shipped catalogue into the database."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.providers.catalogue_files import FOLDER, CatalogueError, read_catalogue
from apps.providers.catalogue_sync import Changes, Summary, sync

OUT_OF_SYNC, INVALID = 1, 2


class Command(BaseCommand):
    help = (
        "Bring the provider catalogue into the database. Your own edits survive. "
        "Exit codes: 0 in sync, 1 with --check when something would change, 2 for an invalid catalogue."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 if something would change"
        )
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")
        parser.add_argument("--folder", type=Path, default=FOLDER, help="another folder of catalogue files")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            catalogue = read_catalogue(options["folder"])
        except CatalogueError as error:
            raise CommandError(str(error), returncode=INVALID) from error
        if options["check"]:
            changes = Changes(catalogue)
            self._print(changes.summary, options["json"])
            if not changes.is_empty:
                sys.exit(OUT_OF_SYNC)
        else:
            self._print(sync(catalogue), options["json"])

    def _print(self, summary: Summary, as_json: bool) -> None:
        fields = asdict(summary)
        if as_json:
            self.stdout.write(json.dumps(fields))
            return
        for title, names in fields.items():
            self.stdout.write(f"{title}: {len(names)}")
            for name in names:
                self.stdout.write(f"  {name}")
