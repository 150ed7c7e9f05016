"""`manage.py sync_models`: read the providers' model lists with the stored keys, now."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from apps.core.json_types import JSONObject
from apps.providers.listing import sync
from apps.providers.listing.comparing import Summary
from apps.providers.models import Credential, Provider

OUT_OF_SYNC, INVALID, UNREAD = 1, 2, 3


class Command(BaseCommand):
    help = (
        "Read the model lists of the providers with the stored keys, and follow them. Your own edits survive. "
        "Exit codes: 0 done, 1 with --check when something would change, 2 for an unknown provider or user, "
        "3 when a list could not be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", help="only this one")
        parser.add_argument("--user", help="only with this user's keys")
        parser.add_argument(
            "--check", action="store_true", help="read, but change nothing; exit 1 if something would change"
        )
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        summaries: dict[str, Summary] = {}
        failed: dict[str, str] = {}
        for credential in self._chosen(options["provider"], options["user"]):
            name = credential.provider.name
            if not options["check"] and not sync.claim(credential, sync.now_utc()):
                failed[str(credential)] = "It was read less than a minute ago."
                continue
            outcome = sync.read_list(credential, check=options["check"])
            if outcome.error:
                failed[str(credential)] = outcome.error
            summaries.setdefault(name, Summary()).merge(outcome.summary)
        self._print({name: summary.as_json() for name, summary in summaries.items()}, failed, options["json"])
        if options["check"] and any(summary.changes for summary in summaries.values()):
            sys.exit(OUT_OF_SYNC)
        if failed:
            sys.exit(UNREAD)

    def _chosen(self, provider: str | None, user: str | None) -> list[Credential]:
        """Raises CommandError."""
        if provider and not Provider.objects.filter(name=provider).exists():
            raise CommandError(f"No provider {provider!r}.", returncode=INVALID)
        users = get_user_model()
        if user and not users._default_manager.filter(**{users.USERNAME_FIELD: user}).exists():
            raise CommandError(f"No user {user!r}.", returncode=INVALID)
        return [
            credential
            for credential in sync.in_use()
            if provider in (None, credential.provider.name) and user in (None, credential.user.get_username())
        ]

    def _print(self, providers: JSONObject, failed: dict[str, str], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"providers": providers, "failed": failed}))
            return
        for name, summary in providers.items():
            counts = ", ".join(f"{title} {len(names)}" for title, names in summary.items() if names)
            self.stdout.write(f"{name}: {counts or 'nothing'}")
            for title in ("added", "updated", "vanished", "returned", "kept", "doubts"):
                for entry in summary[title]:
                    self.stdout.write(f"  {title} {entry}")
        for credential, error in failed.items():
            self.stderr.write(f"{credential}: {error}")
