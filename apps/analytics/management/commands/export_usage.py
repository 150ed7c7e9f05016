"""`manage.py export_usage`: usage events as files, for what people do with files."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from apps.analytics.export import parquet
from apps.analytics.export.files import LineFile, NotOursError
from apps.analytics.export.lines import FORMATS, Lines
from apps.analytics.export.records import Step, batches
from apps.analytics.selection import Selection
from apps.core import clock, moments
from apps.core.json_types import JSONObject
from apps.core.management.users import REFUSED
from apps.core.named_users import user_named
from apps.core.redaction import scrub

T = TypeVar("T")

STOPPED: Final = 1
PARQUET: Final = "parquet"


class Command(BaseCommand):
    help = (
        "Export usage events, oldest first. CSV and JSON lines go to standard output, or with --output into a file that has its name once "
        "it is whole; Parquet into a folder, a file a UTC day. The same command again goes on where one that was killed has stopped. "
        "Exit codes: 0 exported, 1 stopped halfway, 2 for wrong usage, an unknown user, or a file that is there already."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name, into, words in (
            ("--from", "since", "from this time on: 2026-11-27, or 2026-11-27T12:00:00Z"),
            ("--to", "until", "before this time, which is not to come yet"),
        ):
            parser.add_argument(
                name, dest=into, required=True, type=_argument(moments.parse), metavar="TIME", help=words
            )
        parser.add_argument("--format", choices=[*FORMATS, PARQUET], default="csv")
        parser.add_argument("--user", help="of one user only, by name, or by number: those who were deleted")
        parser.add_argument("--output", type=Path, metavar="PATH", help="a file, of Parquet a folder")
        parser.add_argument(
            "--after", type=_argument(UUID), metavar="ID", help="behind the event with this id (not Parquet)"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the summary as JSON; beside events on standard error"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        events, last, files = 0, options["after"], dict[str, None]()
        try:
            for step in self._steps(_selection(options), options):
                events += step.events
                last = step.last or last
                files |= {str(step.path): None} if step.path else {}
        except (NotOursError, FileExistsError, parquet.MissingError) as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        except (Error, OSError, KeyboardInterrupt) as error:
            raise CommandError(_stopped(error, events, last, options), returncode=STOPPED) from error
        self._tell(
            options, {"events": events, "last_id": None if last is None else str(last), "files": list(files)}
        )

    def _steps(self, selection: Selection, options: dict[str, Any]) -> Iterator[Step]:
        path: Path | None = options["output"]
        if options["format"] == PARQUET:
            if path is None or options["after"]:
                raise CommandError("Parquet needs --output FOLDER, and knows no --after.", returncode=REFUSED)
            yield from parquet.write_days(path, selection, f"usage of {options['user'] or 'all'}")
        elif path is None:
            yield from self._print(selection, FORMATS[options["format"]], options["after"])
        else:
            yield from _fill(path, selection, options)

    def _print(self, selection: Selection, lines: Lines, after: UUID | None) -> Iterator[Step]:
        if (adapt := getattr(self.stdout, "reconfigure", None)) is not None:
            adapt(encoding="utf-8")  # whatever the terminal's: names of models are anybody's
        if after is None and lines.head:
            self.stdout.write(lines.head.decode(), ending="")
        for batch in batches(selection, after=after):
            self.stdout.write(b"".join(map(lines.line, batch)).decode(), ending="")
            yield Step(None, len(batch), batch[-1][0])
        self.stdout.flush()

    def _tell(self, options: dict[str, Any], summary: JSONObject) -> None:
        out = self.stdout if options["output"] else self.stderr
        if options["json"]:
            out.write(json.dumps(summary))
        elif options["output"]:
            out.write(f"Exported {summary['events']} events to {options['output']}.")


def _fill(path: Path, selection: Selection, options: dict[str, Any]) -> Iterator[Step]:
    """Write a file of lines, or go on with it."""
    asked = (options[name] for name in ("user", "format", "since", "until", "after"))
    lines = FORMATS[options["format"]]
    with LineFile(path, lines, " ".join(map(str, asked))) as file:
        yield Step(path, 0, file.after)
        for batch in batches(selection, after=file.after or options["after"]):
            file.write(map(lines.line, batch))
            yield Step(path, len(batch), batch[-1][0])
        file.finish()


def _selection(options: dict[str, Any]) -> Selection:
    """Raises CommandError."""
    since, until = options["since"], options["until"]
    if until < since:
        raise CommandError("--to must not be before --from.", returncode=REFUSED)
    if until.timestamp() > clock.now():
        raise CommandError(
            "--to must not be in the future: what is exported has to stay.", returncode=REFUSED
        )
    return Selection(user_id=_user(options["user"]), since=since, until=until)


def _user(name: str | None) -> int | None:
    """Raises CommandError."""
    try:
        return None if name is None else user_named(name)
    except ValueError as error:
        raise CommandError(f"No user {name!r}.", returncode=REFUSED) from error


def _stopped(error: BaseException, events: int, last: UUID | None, options: dict[str, Any]) -> str:
    """What happened, and how to go on."""
    reason = scrub(f"{type(error).__name__}: {error}".rstrip(": "))
    how = (
        "Run the same command again"
        if options["output"]
        else f"Go on with --after {last}"
        if last
        else "Try again"
    )
    return f"Stopped after {events} events ({reason}). {how}."


def _argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A type for argparse, which ends with exit code 2."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from error

    return parsed
