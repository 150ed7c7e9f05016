"""`manage.py set_provider_key groq --user admin`: store a provider key, read from standard input."""

import json
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.management.users import REFUSED, add_user_argument, named_user
from apps.providers.credentials import KeyRefusedError, remove_key, set_key
from apps.providers.models import Provider


class Command(BaseCommand):
    help = (
        "Store a user's key for a provider. "
        "The key is read from standard input (asked for on a terminal), never from an argument. "
        "Exit codes: 0 done, 2 for an unknown provider or user, a text that is no key, "
        "or master keys that read none of the keys that are stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("provider", help="name of the provider in the catalogue")
        add_user_argument(parser)
        parser.add_argument("--remove", action="store_true", help="forget the stored key instead")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        provider = Provider.objects.filter(name=options["provider"]).first()
        if provider is None:
            known = (
                ", ".join(Provider.objects.values_list("name", flat=True)) or "none; run sync_catalogue first"
            )
            raise CommandError(f"No provider {options['provider']!r}. Known: {known}.", returncode=REFUSED)
        user = named_user(options["user"])
        if options["remove"]:
            removed = remove_key(user, provider)
            self._say(options, {"removed": removed}, "Removed." if removed else "There was no key.")
            return
        try:
            credential = set_key(user, provider, self._read_key())
        except KeyRefusedError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        preview = credential.key_preview
        self._say(
            options, {"key_preview": preview}, f"Stored {preview} for {user.get_username()} at {provider}."
        )

    def _read_key(self) -> str:
        return getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()

    def _say(self, options: dict[str, Any], fields: dict[str, Any], sentence: str) -> None:
        self.stdout.write(json.dumps(fields) if options["json"] else sentence)
