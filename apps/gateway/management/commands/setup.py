"""`manage.py setup`: prepare the database, the catalogue and the first administrator. Safe to run again."""

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from msgspec import structs

from apps.gateway.process import key_offers, setup
from apps.gateway.process.announcements import first_run, keys_in_environment, url_of
from apps.gateway.process.setup import Made


class Command(BaseCommand):
    help = (
        "Migrate, load the catalogue, and on the first run make an administrator, an admin token and a client key. "
        "It may be repeated. Exit codes: 0 all is set up, 1 it could not be: one line says why."
    )
    requires_system_checks = []  # before any command, the entrance checks the settings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print what was made as JSON.")

    def handle(self, *_: Any, **options: Any) -> None:
        setup.run(lambda made: self._show(made, as_json=options["json"]))
        news = key_offers.news()
        if not options["json"] and (text := keys_in_environment(news)):
            self.stdout.write(text)
        key_offers.remember(news.offers)

    def _show(self, made: Made, *, as_json: bool) -> None:
        if as_json:
            offers = [structs.asdict(offer) for offer in key_offers.news().offers]
            text = json.dumps(
                {name: value or None for name, value in asdict(made).items()} | {"new_keys": offers}
            )
        elif made:
            text = first_run(made, url_of(settings.FREEAI_HOST, settings.FREEAI_PORT), settings.PUBLIC_URL)
        else:
            text = "Everything was set up already."
        self.stdout.write(text)
        self.stdout.flush()
