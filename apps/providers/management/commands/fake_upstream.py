"""`manage.py fake_upstream`: the providers' strict fakes on a local port."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fakes import command


class Command(BaseCommand):
    help = command.HELP
    requires_system_checks: list[str] = []
    add_arguments = staticmethod(command.add_arguments)

    def handle(self, *_: Any, **options: Any) -> None:
        """Until SIGINT or SIGTERM. Exit code 1 if the address cannot be listened on."""
        try:
            command.run(Namespace(**options))
        except command.CannotListenError as error:
            raise CommandError(str(error)) from error
