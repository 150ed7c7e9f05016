"""`manage.py setup`: prepare the database, the catalogue and the first administrator. Safe to run again."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.gateway import setup
from apps.gateway.announcements import first_run


class Command(BaseCommand):
    help = "Migrate, load the catalogue, and on the first run make an administrator, an admin token and a client key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print what was made as JSON.")

    def handle(self, *_: Any, **options: Any) -> None:
        made = setup.run()
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "password": made.password or None,
                        "admin_token": made.admin_token or None,
                        "client_key": made.client_key or None,
                    }
                )
            )
        elif made:
            self.stdout.write(first_run(made, "http://127.0.0.1:8000"))
        else:
            self.stdout.write("Everything was set up already.")
