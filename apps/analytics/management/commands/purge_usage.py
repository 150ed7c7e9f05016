"""manage.py purge_usage"""

from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.analytics import retention
from apps.core import clock


class Command(BaseCommand):
    help = "Delete usage events that are older than --days. Exit code 1 when --days is out of range."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, default=retention.KEEP_DAYS, help="keep this many days (default %(default)s)"
        )
        parser.add_argument("--json", action="store_true", help='print {"days": n, "deleted": n}')

    def handle(self, *_: object, **options: Any) -> None:
        days: int = options["days"]
        if days < 1:
            raise CommandError(f"--days must be at least 1; it is {days}.")
        deleted = retention.purge(clock.now(), days=days)
        if options["json"]:
            self.stdout.write(orjson.dumps({"days": days, "deleted": deleted}).decode())
        else:
            self.stdout.write(f"Deleted {deleted} usage events older than {days} days.")
