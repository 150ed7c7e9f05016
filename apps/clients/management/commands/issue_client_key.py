"""`manage.py issue_client_key`."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.clients import allowed, keys
from apps.clients.management import arguments
from apps.clients.management.secrets import shown_or_not_made
from apps.clients.models import MAX_RPD, MAX_RPM, MAX_TOKENS, DataUse
from apps.core.json_types import JSONObject

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOT_FOUND, UNKNOWN = 3, 4
MAX_DAYS = 36_500
LIMITS = {
    "--rpm": ("rpm_limit", MAX_RPM, "requests per minute"),
    "--rpd": ("rpd_limit", MAX_RPD, "requests per day of UTC"),
    "--tpm": ("tpm_limit", MAX_TOKENS, "tokens per minute"),
    "--tpd": ("tpd_limit", MAX_TOKENS, "tokens per day of UTC"),
}
ALLOWED: dict[str, allowed.Kind] = {
    "--allow-model": "allowed_models",
    "--allow-strategy": "allowed_strategies",
    "--allow-endpoint": "allowed_endpoints",
}


class Command(BaseCommand):
    """The key alone goes to stdout, so that a script can capture it."""

    help = (
        "Issue a client key for /v1 and print it, this once. Exit codes: 0 issued, 2 wrong usage, "
        "3 no such active user, 4 a model, strategy or endpoint that there is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument("--name", required=True, type=arguments.name, help="what the key is for")
        parser.add_argument("--user", help="username of the owner (default: the first superuser)")
        for flag, (column, most, what) in LIMITS.items():
            parser.add_argument(
                flag,
                dest=column,
                type=arguments.whole_number(0, most),
                default=0,
                help=f"{what}, 0 for unlimited",
            )
        parser.add_argument("--weight", type=arguments.weight, default=1.0, help="share beside other keys")
        parser.add_argument(
            "--data-use",
            choices=DataUse.values,
            default=DataUse.ANY.value,
            help="no_training: never a provider that may train on what is sent",
        )
        for flag, kind in ALLOWED.items():
            parser.add_argument(
                flag, dest=kind, action="append", default=[], help="allow only this one; may be repeated"
            )
        parser.add_argument(
            "--expires-days",
            type=arguments.whole_number(1, MAX_DAYS),
            help="days until it expires (default: never)",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object instead of the bare key")

    def handle(self, *_: object, **options: Any) -> None:
        """Raises CommandError."""
        owner, given = _owner(options["user"]), _given(options)
        with shown_or_not_made("client key"):
            issued = keys.issue(owner, options["name"], **given)
            self.stdout.write(json.dumps(_describe(issued)) if options["json"] else issued.raw)
            self.stdout.flush()


def _given(options: dict[str, Any]) -> keys.KeyOptions:
    """Raises CommandError."""
    for kind in allowed.KINDS:
        if found := allowed.problems(kind, options[kind]):
            raise CommandError(" ".join(found), returncode=UNKNOWN)
    days: int | None = options["expires_days"]
    return {
        "rpm_limit": options["rpm_limit"],
        "rpd_limit": options["rpd_limit"],
        "tpm_limit": options["tpm_limit"],
        "tpd_limit": options["tpd_limit"],
        "weight": options["weight"],
        "data_use": options["data_use"],
        "allowed_models": options["allowed_models"],
        "allowed_strategies": options["allowed_strategies"],
        "allowed_endpoints": options["allowed_endpoints"],
        "expires_at": timezone.now() + timedelta(days=days) if days else None,
    }


def _describe(issued: keys.IssuedKey) -> JSONObject:
    row = issued.row
    return {
        "name": row.name,
        "api_key": issued.raw,
        "key_hash": row.key_hash,
        **{column: getattr(row, column) for column, _, _ in LIMITS.values()},
        "weight": row.weight,
        "data_use": row.data_use,
        **{kind: getattr(row, kind) for kind in allowed.KINDS},
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
