"""`manage.py rotate_master_key`: re-encrypt the provider keys with the first master key."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from apps.providers.credentials import rotate_keys

UNREADABLE = 1


class Command(BaseCommand):
    help = (
        "Re-encrypt every stored provider key with the first of FREEAI_MASTER_KEYS. "
        "Put the new master key first and keep the old one behind it while this runs. "
        "Exit codes: 0 all rotated, 1 when no master key can read some of them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = rotate_keys()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(rotation)))
        else:
            self.stdout.write(f"Re-encrypted {rotation.rotated} keys.")
        if rotation.unreadable:
            if not options["json"]:
                ids = ", ".join(map(str, rotation.unreadable))
                self.stderr.write(
                    f"No master key can read the keys of these credentials, which were left alone: {ids}."
                )
            sys.exit(UNREADABLE)
