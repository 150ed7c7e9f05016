"""Commands that write what the code declares into a document."""

import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

OUT_OF_DATE, INVALID = 1, 2


class DocumentCommand(BaseCommand, ABC):
    """`document` is a file of docs/, `source` says in words what it follows ("the views declare")."""

    document: ClassVar[str]
    source: ClassVar[str]
    requires_system_checks: list[str] = []

    @abstractmethod
    def written(self, text: str) -> str:
        """`text` with what the code declares. Raises OSError, ValueError."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 if something would change"
        )
        parser.add_argument(
            "--document", type=Path, default=settings.BASE_DIR / "docs" / self.document, help="another file"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        path: Path = options["document"]
        try:
            before = path.read_text(encoding="utf-8")
            after = self.written(before)
        except (OSError, ValueError) as error:
            raise CommandError(str(error), returncode=INVALID) from error
        if before == after:
            self.stdout.write(f"{path.name} says what {self.source}.")
        elif options["check"]:
            command = type(self).__module__.rpartition(".")[2]
            self.stderr.write(f"{path.name} is out of date: run manage.py {command}.")
            sys.exit(OUT_OF_DATE)
        else:
            path.write_text(after, encoding="utf-8")
            self.stdout.write(f"Wrote {path.name}.")
