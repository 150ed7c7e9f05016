"""`manage.py restore FILE`: a backup, where nothing is yet."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.gateway.backup import restoring
from apps.gateway.backup.manifest import BackupError


class Command(BaseCommand):
    help = (
        "Restore a backup into an empty database and a data directory without usage events. Nothing is written before all was looked at. "
        "Then `manage.py setup`, or a start, brings it up to this version. Exit codes: 0 done, 1 it could not be restored, 2 wrong usage."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="what `manage.py backup` has written")
        parser.add_argument("--json", action="store_true", help="print what was restored as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            manifest = restoring.restore(options["file"])
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or options['file']}: {error.strerror}.") from error
        if options["json"]:
            self.stdout.write(
                json.dumps({"made_at": manifest.made_at, "version": manifest.version, "rows": manifest.rows})
            )
            return
        rows = ", ".join(f"{count} of {table}" for table, count in manifest.rows.items())
        self.stdout.write(f"Restored the backup of {manifest.made_at}: {rows}. Start FreeAI.")
