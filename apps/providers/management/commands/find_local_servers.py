"""`manage.py find_local_servers --accept NAME`: which model servers answer on this machine, and use one."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.management.users import REFUSED, add_user_argument, named_user
from apps.providers import local_search
from apps.providers.credentials import use_without_key
from apps.providers.listing import sync
from apps.providers.local_servers import LocalServer
from apps.providers.models import Provider

NOBODY = 1


class Command(BaseCommand):
    help = (
        "Ask the model servers of the catalogue that could run on this machine for their models, and with --accept use one of them: "
        "it needs no key. Exit codes: 0 some answer, 1 none does or not the one to accept, 2 for an unknown provider or user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_user_argument(parser)
        parser.add_argument("--accept", metavar="NAME", help="use this provider's server from now on")
        parser.add_argument("--json", action="store_true", help="print what answers as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        providers = {row.name: row for row in Provider.objects.all()}
        accepted = options["accept"]
        user = None if accepted is None else named_user(options["user"])
        if accepted is not None and accepted not in providers:
            raise CommandError(f"No provider {accepted!r}.", returncode=REFUSED)
        found = local_search.look(providers.values())
        answers = accepted is None or accepted in {server.provider for server in found}
        if accepted is not None and answers:
            _use(user, providers[accepted])
        self.stdout.write(_json(found) if options["json"] else _lines(found, accepted))
        if not (found and answers):
            sys.exit(NOBODY)


def _use(user: Any, provider: Provider) -> None:
    """Its models are known at once; what its list does not tell today, the schedule reads later."""
    credential = use_without_key(user, provider)
    if sync.has_list(provider) and sync.claim(credential, sync.now_utc()):
        sync.read_list(credential)


def _json(found: list[LocalServer]) -> str:
    return json.dumps([{"name": server.provider, "models": server.models} for server in found])


def _lines(found: list[LocalServer], accepted: str | None) -> str:
    lines = [
        f"{server.provider}: {len(server.models)} models"
        + (", in use" if server.provider == accepted else "")
        for server in found
    ]
    return "\n".join(lines) or "No local server answers."
