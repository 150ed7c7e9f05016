"""What every process passes before it works (`manage.py`, the ASGI application, Celery), and how it says that it cannot.

A process that may not or cannot start says so in one line a reason, with its remedy, and ends with exit code 1; with 2 where a setting
is refused. A traceback is kept for what is a fault of ours, and for `--traceback`.
"""

import os
import sys
from collections.abc import Sequence

import django
from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from apps.core import audit, secret_files
from freeai import logs, streams
from freeai.refusals import NOT_SET_UP, sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freeai.settings")

OTHERS = (
    0o077  # may nothing with what is written: the database, its journals, the spool, Celery's files, exports
)
MISCONFIGURED = 2
INTERRUPTED = 130  # what a shell expects of a process that Ctrl-C ended


DOCTOR = "doctor"


def enter(*, needs_secrets: bool = False, tolerant: bool = False) -> None:
    """Set Django and the logs up. Ends the process when a setting is refused, unless it is `tolerant` and tells of it itself; and when
    set-up has not made the secrets yet."""
    from freeai.checks import TAG

    os.umask(OTHERS)
    streams.make_whole()
    django.setup()
    if not tolerant and (refusals := run_checks(tags=[TAG])):
        sys.stderr.write("".join(f"{refusal.msg}\n" for refusal in refusals))
        sys.exit(MISCONFIGURED)
    if needs_secrets and not secret_files.are_there():
        sys.exit(NOT_SET_UP)
    logs.configure(settings.FREEAI_LOG_LEVEL, settings.FREEAI_LOG_FORMAT)


def run_command(argv: Sequence[str]) -> None:
    """`manage.py`: run the command. Ends the process when it cannot be run."""
    streams.make_whole()
    try:
        _Commands(list(argv)).execute()
        sys.stdout.flush()  # at the exit it would be too late to say that it cannot be written
    except (DatabaseError, InterfaceError, ImproperlyConfigured, OSError) as error:
        refusal = sentence(error)
        if refusal is None or "--traceback" in argv:
            raise
        sys.exit(refusal)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        streams.settle()


class _Commands(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Called when the settings are loaded, whichever module `--settings` names, and before any command runs."""
        enter(tolerant=subcommand == DOCTOR)
        audit.begin_command(subcommand)
        return super().fetch_command(subcommand)
