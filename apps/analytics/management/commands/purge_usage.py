"""manage.py purge_usage"""

from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.analytics import retention
from apps.core import clock

DAYS = range(1, 36_501)
"""A century at most: nobody's ledger is older, and calendars end."""


class Command(BaseCommand):
    help = (
        "Delete the usage events of all days (of UTC) that ended more than --days ago, and roll up what of them is not. "
        "Exit codes: 0 done, 1 when --days is out of range."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, default=retention.KEEP_DAYS, help="keep this many days (default %(default)s)"
        )
        parser.add_argument("--json", action="store_true", help='print {"days": n, "deleted": n}')

    def handle(self, *_: object, **options: Any) -> None:
        days: int = options["days"]
        if days not in DAYS:
            raise CommandError(f"--days must be from {DAYS[0]} to {DAYS[-1]}; it is {days}.")
        deleted = retention.purge(clock.now(), days=days)
        if options["json"]:
            self.stdout.write(orjson.dumps({"days": days, "deleted": deleted}).decode())
        else:
            self.stdout.write(f"Deleted {deleted} usage events older than {days} days.")
