"""manage.py rollup_usage"""

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.analytics.rollup import building, pending
from apps.analytics.rollup.horizon import horizon
from apps.core import clock

DATABASE = "default"


def _day(text: str) -> date:
    """Raises ArgumentTypeError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text[:40]!r} is no day such as 2026-11-27") from None


class Command(BaseCommand):
    help = (
        "Roll usage events up: without options the days to which was written since, as Celery beat does every hour; with --from or --to "
        "those days of UTC, anew. It may be repeated, and run beside everything else. Exit codes: 0 done, 1 for days that cannot be "
        "rolled up, and when another process rolled up the same days meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="since", type=_day, help="first day (default: --to)")
        parser.add_argument("--to", dest="until", type=_day, help="last day (default: today)")
        parser.add_argument("--json", action="store_true", help='print {"days": n}')

    def handle(self, *_: object, **options: Any) -> None:
        now = clock.now()
        since, until = options["since"], options["until"]
        if since is None and until is None:
            done = pending.roll_up_pending(now, budget_s=inf)
        else:
            done = _anew(since, until, datetime.fromtimestamp(now, UTC))
        if options["json"]:
            self.stdout.write(orjson.dumps({"days": done.days}).decode())
        else:
            self.stdout.write(f"Rolled up {done.days} {'day' if done.days == 1 else 'days'}.")
        if done.overtaken:
            raise CommandError("Another process rolled up some of these days meanwhile. Run it again.")


def _anew(since: date | None, until: date | None, now: datetime) -> pending.Done:
    """Raises CommandError."""
    last = until or now.date()
    first = since or last
    if since and last < first:
        raise CommandError(f"--to {last} must not be before --from {first}.")
    earliest = max(horizon(DATABASE) or pending.oldest(now), pending.oldest(now)).date()
    if not earliest <= first <= last <= now.date():
        raise CommandError(
            f"--from {first} --to {last}: only days from {earliest} on, whose events are kept, to today can be rolled up."
        )
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    done = [building.roll_up(day, now, DATABASE, anew=True) for day in days]
    return pending.Done(sum(done), overtaken=not all(done))
