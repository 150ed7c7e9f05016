"""`manage.py revoke_client_key`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.clients import keys
from apps.clients.models import ClientKey

NOT_FOUND = 3
AMBIGUOUS = 4


class Command(BaseCommand):
    """Repeating it is harmless: a key that is revoked already is a success."""

    help = (
        "Revoke a client key, for good. Exit codes: 0 revoked (now or before), 2 wrong usage, 3 no such key, "
        "4 the preview fits several keys."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument("key", help="its whole key_hash, or its preview (fai_***abc)")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *_: object, **options: Any) -> None:
        """Raises CommandError."""
        row = _find(options["key"])
        changed = keys.revoke(row)
        if options["json"]:
            outcome = {"name": row.name, "key_hash": row.key_hash, "revoked": True, "changed": changed}
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(f"{row} {'is revoked' if changed else 'was revoked before'}.")


def _find(text: str) -> ClientKey:
    """By hash among all keys, by preview among those that still open."""
    by_hash = ClientKey.objects.filter(key_hash=text.lower()).first()
    if by_hash is not None:
        return by_hash
    rows = list(ClientKey.objects.filter(key_preview=text, revoked_at=None))
    if not rows:
        raise CommandError("There is no such client key.", returncode=NOT_FOUND)
    if len(rows) > 1:
        hashes = "\n".join(f"  {row.key_hash}  {row.name}" for row in rows)
        raise CommandError(f"{len(rows)} keys look like this; give one hash:\n{hashes}", returncode=AMBIGUOUS)
    return rows[0]
