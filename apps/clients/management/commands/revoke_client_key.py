"""`manage.py revoke_client_key`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.clients import keys
from apps.clients.management.named import NAMING, named_key


class Command(BaseCommand):
    """Repeating it is harmless: a key that is revoked already is a success."""

    help = (
        "Revoke a client key, for good. Exit codes: 0 revoked (now or before), 2 wrong usage, 3 no such key, "
        "4 it fits several keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument("key", help=NAMING)
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *_: object, **options: Any) -> None:
        """Raises CommandError."""
        row = named_key(options["key"])
        changed = keys.revoke(row)
        if options["json"]:
            outcome = {"name": row.name, "key_hash": row.key_hash, "revoked": True, "changed": changed}
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(f"{row} {'is revoked' if changed else 'was revoked before'}.")
