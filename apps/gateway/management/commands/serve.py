"""`manage.py serve`: the gateway, with Celery worker and beat as its child. Ctrl-C stops all of it, streams drained."""

import fcntl
import os
import signal
import sys
from pathlib import Path
from socket import socket
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.analytics import shared_metrics
from apps.clients.management.arguments import whole_number
from apps.core.state.choice import why_not
from apps.core.turns import in_a_thread_of_its_own
from apps.gateway.process import database_lock, key_offers, listening, serving, setup
from apps.gateway.process.announcements import first_run, keys_in_environment, url_of
from apps.gateway.process.apart import Apart
from apps.gateway.process.celery_child import CeleryChild
from apps.gateway.process.setup import Made
from apps.gateway.process.workers import raising
from apps.providers import local_search

HIGHEST_PORT = 65_535
MOST_WORKERS = 128
STDOUT = 1
WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Start the gateway. On the first run it sets everything up and prints what you need. "
        "Exit codes: 0 stopped, 1 it could not start, 2 wrong usage or a setting that is refused, 130 interrupted before it had started."
    )
    _announced = False
    requires_system_checks = []  # before any command, the entrance checks the settings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host",
            type=_host,
            default=settings.FREEAI_HOST,
            help="Name or address to listen on (default: %(default)s).",
        )
        parser.add_argument(
            "--port",
            type=whole_number(0, HIGHEST_PORT),
            default=settings.FREEAI_PORT,
            help="0 takes a free one (default: %(default)s).",
        )
        parser.add_argument(
            "--workers",
            type=whole_number(1, MOST_WORKERS),
            default=settings.FREEAI_WORKERS,
            help="Web processes; more than one needs Redis (FREEAI_STATE) (default: %(default)s).",
        )
        parser.add_argument("--no-tasks", action="store_true", help="Do not start Celery worker and beat.")

    def handle(self, *_: Any, **options: Any) -> None:
        # uvicorn raises it anew at its end: then stop the tasks too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            self._serve(options)
        except (KeyboardInterrupt, SystemExit) as left:
            if not self._announced and not getattr(left, "code", 0):
                self.stderr.write("Stopped before the gateway had started.")
            raise

    def _serve(self, options: dict[str, Any]) -> None:
        if refusal := why_not(options["workers"], settings.FREEAI_STATE):
            raise CommandError(refusal, returncode=WRONG_USAGE)
        lock = _claim(settings.DATA_DIR / "serve.lock")
        if options["workers"] > 1 and not shared_metrics.is_open(settings.DATA_DIR):
            _start_anew(lock)
        try:
            with Apart(setup.prepare_database) as database:
                sockets = listening.listen(options["host"], options["port"], spreads=options["workers"] > 1)
                in_a_thread_of_its_own("start", lambda: _prepare(database))
        except (listening.AddressError, database_lock.AnotherGatewayError) as error:
            raise CommandError(str(error)) from error
        local_search.we_listen_at(each.getsockname()[:2] for each in sockets)
        url = url_of(options["host"], listening.port_of(sockets))
        try:
            if options["workers"] > 1:
                self._raise_workers(sockets, lock, url, options)
            else:
                self._work_alone(sockets, url, with_tasks=not options["no_tasks"])
        except serving.StartError as error:
            raise CommandError(str(error)) from error
        finally:
            os.close(lock)

    def _work_alone(self, sockets: list[socket], url: str, *, with_tasks: bool) -> None:
        tasks = CeleryChild() if with_tasks else None
        try:
            if tasks is not None:
                tasks.start()
            serving.serve(serving.configure(), sockets, lambda: self._begin(url))
        finally:
            if tasks is not None:
                tasks.stop()

    def _raise_workers(self, sockets: list[socket], lock: int, url: str, options: dict[str, Any]) -> None:
        raising.raise_workers(
            listening.spread(sockets, options["workers"]),
            announce=lambda: self._begin(url),
            started=self._started,
            own=[lock],
            with_tasks=not options["no_tasks"],
        )

    def _started(self) -> None:
        self._announced = True

    def _begin(self, url: str) -> None:
        setup.make_first_secrets(lambda made: self._announce(made, url))
        news = key_offers.news()
        if text := keys_in_environment(news):
            self._say(text)
        key_offers.remember(news.offers)

    def _announce(self, made: Made, url: str) -> None:
        self._announced = True
        if made:  # secrets that nobody can read are not made
            self.stdout.write(first_run(made, url, settings.PUBLIC_URL))
            self.stdout.flush()
        else:
            self._say(f"FreeAI on {url}")

    def _say(self, text: str) -> None:
        """On stdout, if anybody listens: a pipe that was closed or a full disk keeps nothing from being served."""
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)  # or the exit would try again, and fail


def _start_anew(lock: int) -> NoReturn:
    """As the same process, which counts where several can: that is decided when the metrics are loaded."""
    os.environ[shared_metrics.VARIABLE] = str(shared_metrics.open_directory(settings.DATA_DIR))
    os.close(lock)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _prepare(database: Apart) -> None:
    """Migrations and catalogue in a process of their own, or here, where that failed and the reason is to be told."""
    database_lock.take()
    setup.prepare_process()
    if not database.run():
        setup.prepare_database()
    setup.refuse_wrong_master_key()


def _host(text: str) -> str:
    """IPv6 may stand in brackets, as in a URL."""
    return text.removeprefix("[").removesuffix("]")


def _claim(path: Path) -> int:
    """Hold the data directory; the system lets go of it when we die. Raises CommandError if another gateway serves from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandError(
            f"Another gateway serves from {path.parent}: each would count the quotas for itself. "
            "Stop it, or give this one its own FREEAI_DATA_DIR."
        ) from None
    return lock
