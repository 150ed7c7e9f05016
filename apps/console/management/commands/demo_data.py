"""manage.py demo_data: an instance to look at, with users, keys and thirty days of traffic."""

import json
import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from apps.console import demo
from apps.console.demo_traffic import ADMIN, OTHER
from apps.providers.models import Provider


class Command(BaseCommand):
    help = (
        "Fill an empty instance with users, keys and 30 days of usage, to look at and for screenshots. Exit codes: 0 done, 1 where there "
        "is data already, where the catalogue has not been read, and for an --at that names no provider's URL."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Its options."""
        parser.add_argument("--anyway", action="store_true", help="although this instance has been used")
        parser.add_argument(
            "--at",
            action="append",
            default=[],
            metavar="PROVIDER=URL",
            help="use the provider's key at this base URL, such as a fake upstream's; may be repeated",
        )
        parser.add_argument(
            "--days",
            type=int,
            default=demo.DAYS,
            choices=range(1, 91),
            metavar="N",
            help="of traffic: 1 to 90",
        )
        parser.add_argument("--password", default="", help="of both users; a random one is printed")
        parser.add_argument(
            "--json", action="store_true", help="print a JSON object: what was made, and how to sign in"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError."""
        if not Provider.objects.exists():
            raise CommandError("There is no provider yet: run `manage.py setup` first.")
        if demo.has_data() and not options["anyway"]:
            raise CommandError(
                "This instance has been used: it has users, provider keys or usage events, among which demo data would be mixed "
                "for good. Give it a FREEAI_DATA_DIR of its own, or say --anyway."
            )
        password = options["password"] or secrets.token_urlsafe(9)
        with transaction.atomic():
            made = demo.fill(password, _addresses(options["at"]), options["days"])
        if options["json"]:
            sign_in = {"usernames": [ADMIN, OTHER], "password": password}
            self.stdout.write(json.dumps({"made": dict(made), **sign_in}))
            return
        for what, number in made.items():
            self.stdout.write(f"  {what:<14}{number:>8,}")
        self.stdout.write(f"  sign in as    {ADMIN} (superuser) or {OTHER}, password {password}")


def _addresses(pairs: list[str]) -> dict[str, str]:
    """Raises CommandError."""
    addresses = {}
    for pair in pairs:
        name, _, url = pair.partition("=")
        if not (name and url.startswith(("http://", "https://"))):
            raise CommandError(f"--at {pair}: write PROVIDER=URL, with an http or https URL.")
        addresses[name] = url
    return addresses
