"""manage.py fake_upstream: serve fakes of the providers on a local port."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.providers.fake_upstream import NAMED, UPSTREAMS, FakeUpstream

_MAX_PORT = 65_535


class Command(BaseCommand):
    """Serves until SIGINT or SIGTERM. Exit code 1 if the address cannot be listened on."""

    help = (
        "Serve fakes of the upstream providers: base URLs are /<provider>/v1 (gemini: /gemini/v1beta). "
        "What a request "
        "gets is chosen by the header x-fake-behaviour or by its model, such as "
        '"llama-3.3-70b-versatile@error_429_day". Behaviours: '
        + ", ".join(sorted(NAMED))
        + ", slow_S, flaky_N, long_N, frames_N_MS. GET /_health, GET /_journal, POST /_reset, POST /_script."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and as whom."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=9100, help="0 takes a free port")
        parser.add_argument(
            "--strict",
            choices=sorted(UPSTREAMS),
            default="openai",
            help="whose strict rules, errors and headers apply at the base URL without a prefix "
            "(default: openai, "
            "which has no strict rules)",
        )
        parser.add_argument(
            "--default", choices=sorted(NAMED), default="ok", help="behaviour if none is named"
        )
        parser.add_argument(
            "--quiet", action="store_true", help="keep no journal, print nothing: for load tests"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until told to stop."""
        if not 0 <= options["port"] <= _MAX_PORT:
            raise CommandError("--port must be between 0 and 65535")
        fake = FakeUpstream(
            host=options["host"],
            port=options["port"],
            bare=options["strict"],
            journal=not options["quiet"],
        )
        fake.default_behaviour = options["default"]
        try:
            uvloop.run(self._serve(fake, quiet=options["quiet"]))
        except OSError as exc:
            raise CommandError(
                f"cannot listen on {options['host']}:{options['port']}: {exc.strerror}"
            ) from exc

    async def _serve(self, fake: FakeUpstream, *, quiet: bool) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        async with fake:
            if not quiet:
                self.stdout.write(f"Fake upstreams at {fake.origin} (Ctrl-C stops)")
                for provider in UPSTREAMS:
                    self.stdout.write(f"  {provider:<12} {fake.url(provider)}")
                self.stdout.flush()
            await stopped.wait()
