"""`manage.py set_provider_key groq --user admin`: store a provider key, read from standard input."""

import json
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.providers.credentials import MalformedKeyError, remove_key, set_key
from apps.providers.models import Provider

REFUSED = 2


class Command(BaseCommand):
    help = (
        "Store a user's key for a provider. "
        "The key is read from standard input (asked for on a terminal), never from an argument. "
        "Exit codes: 0 done, 2 for an unknown provider or user, or a text that is no key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("provider", help="name of the provider in the catalogue")
        parser.add_argument("--user", help="user name; the first superuser without it")
        parser.add_argument("--remove", action="store_true", help="forget the stored key instead")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        provider = Provider.objects.filter(name=options["provider"]).first()
        if provider is None:
            known = (
                ", ".join(Provider.objects.values_list("name", flat=True)) or "none; run sync_catalogue first"
            )
            raise CommandError(f"No provider {options['provider']!r}. Known: {known}.", returncode=REFUSED)
        user = self._user(options["user"])
        if options["remove"]:
            removed = remove_key(user, provider)
            self._say(options, {"removed": removed}, "Removed." if removed else "There was no key.")
            return
        try:
            credential = set_key(user, provider, self._read_key())
        except MalformedKeyError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        preview = credential.key_preview
        self._say(
            options, {"key_preview": preview}, f"Stored {preview} for {user.get_username()} at {provider}."
        )

    def _user(self, name: str | None) -> Any:
        users = get_user_model()._default_manager.order_by("pk")
        if name is None:
            user = users.filter(is_superuser=True).first()
        else:
            user = users.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(
                f"No user {name!r}." if name else "There is no superuser yet.", returncode=REFUSED
            )
        return user

    def _read_key(self) -> str:
        return getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()

    def _say(self, options: dict[str, Any], fields: dict[str, Any], sentence: str) -> None:
        self.stdout.write(json.dumps(fields) if options["json"] else sentence)
