"""`manage.py import_provider_keys`: store the provider keys that environment variables or a `.env` file hold."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from apps.core.management.users import REFUSED, add_user_argument, named_user
from apps.providers import key_import
from apps.providers.env_file import EnvFileError, Value, read
from apps.providers.key_import import Action, Result

PROBLEMS = 1
WOULD = {Action.IMPORTED: "to import", Action.REPLACED: "to replace"}


class Command(BaseCommand):
    help = (
        "Store the provider keys that environment variables or a .env file hold; which variables, the catalogue says (key_env). "
        "Keys are never printed, and stored ones stay unless --replace is given. "
        "Exit codes: 0 imported or nothing to do, 1 something is left to mend, "
        "2 for wrong usage, an unknown user or a file that cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_user_argument(parser)
        parser.add_argument(
            "--env-file", type=Path, metavar="PATH", help="read this .env file, and not the environment"
        )
        parser.add_argument("--replace", action="store_true", help="overwrite keys that are stored already")
        parser.add_argument("--dry-run", action="store_true", help="store nothing, say what would be done")
        parser.add_argument("--json", action="store_true", help="print the results as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        user = named_user(options["user"])
        values = _values(options["env_file"])
        results = key_import.take(user, values, replace=options["replace"], dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps(msgspec.to_builtins(results)))
        else:
            self.stdout.write(_table(results, dry_run=options["dry_run"]))
        if any(result.is_problem for result in results):
            sys.exit(PROBLEMS)


def _values(path: Path | None) -> Mapping[str, Value]:
    """Raises CommandError."""
    if path is None:
        return key_import.of_environment(os.environ)
    try:
        return read(path)
    except EnvFileError as error:
        raise CommandError(f"{path} cannot be read: {error}.", returncode=REFUSED) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=REFUSED) from error


def _table(results: Sequence[Result], *, dry_run: bool) -> str:
    lines = [] if results else [f"None of these is set: {', '.join(key_import.variables())}."]
    for result in results:
        did = WOULD.get(result.action, result.action) if dry_run else result.action
        lines.append(
            f"{result.provider:14} {result.variable:22} {did:10} {result.key_preview:12} {'; '.join(result.remarks)}"
        )
    return "\n".join(line.rstrip() for line in lines)
