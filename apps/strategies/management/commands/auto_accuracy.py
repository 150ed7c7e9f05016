"""`manage.py auto_accuracy`: how often `auto` reads language and intent right."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.json_types import JSONObject
from apps.strategies.reading.accuracy import SPLITS, Accuracy, PromptsError, Share, read_prompts, report

PROMPTS = Path("tests/strategies/data/prompts.toml")
INTENTS = ("chat", "coding", "reasoning")


class Command(BaseCommand):
    requires_system_checks = []  # pure: it needs no database and no URLs
    help = (
        "Measure on labelled prompts how often the strategy auto reads language and intent right. "
        "The word lists are developed on the split dev; test is held out. "
        "Exit codes: 0 measured, 1 when the file cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument(
            "--file", type=Path, default=settings.BASE_DIR / PROMPTS, help="another file of labelled prompts"
        )

    def handle(self, *_: object, **options: Any) -> None:
        try:
            readings = read_prompts(options["file"])
        except (OSError, PromptsError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        reports = {
            split: report([reading for reading in readings if reading.split == split]) for split in SPLITS
        }
        if options["json"]:
            self.stdout.write(json.dumps({split: _as_json(found) for split, found in reports.items()}))
            return
        for split, found in reports.items():
            self.stdout.write(f"{split}: {found.intent.total} prompts")
            self._print(found)

    def _print(self, found: Accuracy) -> None:
        self._line("language", found.language)
        for name, share in found.by_language.items():
            self._line(f"  {name}", share)
        self._line("intent", found.intent)
        for name, share in (found.by_intent | found.intent_by_language).items():
            self._line(f"  {name}", share)
        self.stdout.write("label \\ read" + "".join(f"{intent:>11}" for intent in INTENTS))
        for label in INTENTS:
            counts = "".join(f"{found.confusion.get((label, read), 0):>11}" for read in INTENTS)
            self.stdout.write(f"{label:<12}{counts}")
        self.stdout.write("")

    def _line(self, title: str, share: Share) -> None:
        self.stdout.write(f"{title:<12}{share.ratio:>8.1%}  {share.right}/{share.total}")


def _as_json(found: Accuracy) -> JSONObject:
    return {
        "prompts": found.intent.total,
        "language": round(found.language.ratio, 4),
        "intent": round(found.intent.ratio, 4),
        "language_by_language": _ratios(found.by_language),
        "intent_by_language": _ratios(found.intent_by_language),
        "intent_by_intent": _ratios(found.by_intent),
        "confusion": {
            label: {read: found.confusion.get((label, read), 0) for read in INTENTS} for label in INTENTS
        },
    }


def _ratios(shares: Mapping[str, Share]) -> dict[str, float]:
    return {name: round(share.ratio, 4) for name, share in shares.items()}
