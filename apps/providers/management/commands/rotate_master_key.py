"""`manage.py rotate_master_key`: re-encrypt the provider keys with the first master key."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from apps.providers.credentials import Rotation, rotate_keys

INCOMPLETE = 1


class Command(BaseCommand):
    help = (
        "Re-encrypt every stored provider key with the first master key. "
        "Put the new one first, in secrets/master_keys (every process sees it at once) or in FREEAI_MASTER_KEYS (then restart them), and "
        "keep the old one behind it until this says that all are rotated. "
        "Exit codes: 0 all rotated, 1 when some are not: no master key can read them, or they were stored meanwhile with another one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = rotate_keys()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(rotation)))
        else:
            self._tell(rotation)
        if rotation.unreadable or rotation.left:
            sys.exit(INCOMPLETE)

    def _tell(self, rotation: Rotation) -> None:
        self.stdout.write(f"Re-encrypted {rotation.rotated} keys.")
        if rotation.unreadable:
            ids = ", ".join(map(str, rotation.unreadable))
            self.stderr.write(
                f"No master key can read the keys of these credentials, which were left alone: {ids}."
            )
        if rotation.left:
            self.stderr.write(
                f"{rotation.left} keys were stored meanwhile by a process that does not know the first master key. "
                "Restart it, then run this again."
            )
        if not rotation.unreadable and not rotation.left:
            self.stdout.write("Every stored key is under the first master key: the others can go.")
