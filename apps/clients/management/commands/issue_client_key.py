"""`manage.py issue_client_key`."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.clients import keys
from apps.clients.management import arguments
from apps.clients.models import MAX_RPM
from apps.core.json_types import JSONObject

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOT_FOUND = 3
MAX_DAYS = 36_500


class Command(BaseCommand):
    """The key alone goes to stdout, so that a script can capture it."""

    help = (
        "Issue a client key for /v1 and print it, this once. Exit codes: 0 issued, 2 wrong usage, "
        "3 no such active user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument("--name", required=True, type=arguments.name, help="what the key is for")
        parser.add_argument("--user", help="username of the owner (default: the first superuser)")
        parser.add_argument(
            "--rpm",
            type=arguments.whole_number(0, MAX_RPM),
            default=0,
            help="requests per minute, 0 for unlimited",
        )
        parser.add_argument(
            "--expires-days",
            type=arguments.whole_number(1, MAX_DAYS),
            help="days until it expires (default: never)",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object instead of the bare key")

    def handle(self, *_: object, **options: Any) -> None:
        """Raises CommandError."""
        days: int | None = options["expires_days"]
        issued = keys.issue(
            _owner(options["user"]),
            options["name"],
            rpm_limit=options["rpm"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stdout.write(json.dumps(_describe(issued)) if options["json"] else issued.raw)


def _describe(issued: keys.IssuedKey) -> JSONObject:
    row = issued.row
    return {
        "name": row.name,
        "api_key": issued.raw,
        "key_hash": row.key_hash,
        "rpm_limit": row.rpm_limit,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        "user": row.user.get_username(),
    }


def _owner(username: str | None) -> "User":
    users = get_user_model().objects.filter(is_active=True).order_by("pk")
    owner = (users.filter(username=username) if username else users.filter(is_superuser=True)).first()
    if owner is None:
        wanted = f"active user {username!r}" if username else "active superuser; name a user with --user"
        raise CommandError(f"There is no {wanted}.", returncode=NOT_FOUND)
    return owner
