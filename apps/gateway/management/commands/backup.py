"""`manage.py backup FILE`: everything that is not elsewhere, in one file, while the gateway serves."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.gateway.backup import making
from apps.gateway.backup.manifest import BackupError


class Command(BaseCommand):
    help = (
        "Write database, spool and journal, as of one moment, into FILE, while the gateway serves. Master keys are named by their "
        "fingerprints and not in it, unless --with-secrets. Exit codes: 0 done, 1 it could not be made, 2 wrong usage."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="where to; it must not be there yet")
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help="also the secret key and the master keys: whoever has the file has all provider keys",
        )
        parser.add_argument("--json", action="store_true", help="print what it holds as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            manifest = making.make(file, with_secrets=options["with_secrets"])
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror}.") from error
        size = file.stat().st_size
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "file": str(file),
                        "bytes": size,
                        "made_at": manifest.made_at,
                        "rows": manifest.rows,
                        "master_keys": manifest.master_keys,
                        "holds_secrets": manifest.holds_secrets,
                    }
                )
            )
            return
        self.stdout.write(f"{file}: {size} bytes, {manifest.rows['usage_events']} usage events.")
        if not manifest.holds_secrets:
            names = ", ".join(manifest.master_keys) or "none"
            self.stdout.write(f"The master keys are not in it (fingerprints: {names}): keep them elsewhere.")
