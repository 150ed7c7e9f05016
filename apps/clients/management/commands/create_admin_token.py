"""`manage.py create_admin_token`."""

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.clients import tokens
from apps.clients.management import arguments
from apps.clients.management.secrets import shown_or_not_made

NO_SUPERUSER = 3


class Command(BaseCommand):
    """The token alone goes to stdout, so that a script can capture it."""

    help = (
        "Create a token for the X-Admin-Token header of /api and print it, this once. Exit codes: 0 created, "
        "2 wrong usage, 3 no superuser for it to act as."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument(
            "--name", type=arguments.name, default="console", help="what the token is for (default: console)"
        )
        parser.add_argument(
            "--json", action="store_true", help="print a JSON object instead of the bare token"
        )

    def handle(self, *_: object, **options: Any) -> None:
        """Raises CommandError."""
        if not get_user_model().objects.filter(is_superuser=True, is_active=True).exists():
            raise CommandError("There is no superuser for the token to act as.", returncode=NO_SUPERUSER)
        with shown_or_not_made("admin token"):
            issued = tokens.issue(options["name"])
            facts = {"name": issued.row.name, "token": issued.raw, "token_hash": issued.row.token_hash}
            self.stdout.write(json.dumps(facts) if options["json"] else issued.raw)
            self.stdout.flush()
