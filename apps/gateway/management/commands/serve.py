"""`manage.py serve`: the gateway, with Celery worker and beat as its child. Ctrl-C stops all of it, streams drained."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from apps.gateway import setup
from apps.gateway.announcements import first_run
from apps.providers.offers import check_master_keys

CELERY = [
    "-m",
    "celery",
    "--quiet",
    "-A",
    "freeai.celery",
    "worker",
    "--beat",
    "--pool",
    "solo",
    "--loglevel",
    "WARNING",
]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
STOP_TIMEOUT_S = 10


class Command(BaseCommand):
    help = "Start the gateway. On the first run it sets everything up and prints what you need."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--workers",
            type=int,
            default=settings.FREEAI_WORKERS,
            help="Web processes; more than one needs Redis.",
        )
        parser.add_argument("--no-tasks", action="store_true", help="Do not start Celery worker and beat.")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["workers"] != 1:
            raise CommandError(
                "One web process is what this version serves with: quota state lives in the process. "
                "Set --workers (FREEAI_WORKERS) to 1."
            )
        lock = _claim(settings.DATA_DIR / "serve.lock")
        signal.signal(
            signal.SIGTERM, lambda *_: sys.exit(0)
        )  # uvicorn raises it anew at its end: then stop the tasks too
        made = setup.run()
        connections.close_all()  # this thread has no more questions
        if unreadable := check_master_keys():
            raise CommandError(
                f"{unreadable} stored provider key(s) cannot be decrypted with FREEAI_MASTER_KEYS. "
                "Restore the master key that encrypted them; starting would make them useless."
            )
        url = f"http://{options['host']}:{options['port']}"
        self._say(first_run(made, url) if made else f"FreeAI on {url}")
        tasks = None if options["no_tasks"] else _start_tasks()
        try:
            _serve(options["host"], options["port"])
        finally:
            if tasks is not None:
                _stop_tasks(tasks)
            os.close(lock)

    def _say(self, text: str) -> None:
        """On stdout, if anybody listens: a pipe that was closed or a full disk keeps nothing from being served."""
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
            )  # or the exit would try again, and fail


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


def _serve(host: str, port: int) -> None:
    """Until a signal; open streams get FREEAI_SHUTDOWN_GRACE_S to end."""
    uvicorn.run(
        "freeai.asgi:application",
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,  # nothing reads the client's address; a proxy's scheme is Django's business
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.FREEAI_SHUTDOWN_GRACE_S,
    )


def _start_tasks() -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl-C reaches it through us, after the streams; it follows us if we are killed."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, *CELERY, *QUIET],
        env=os.environ | {"FREEAI_PARENT_PID": str(os.getpid())},
        cwd=settings.BASE_DIR,
        start_new_session=True,
    )


def _stop_tasks(tasks: "subprocess.Popen[bytes]") -> None:
    tasks.terminate()
    try:
        tasks.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        tasks.kill()
