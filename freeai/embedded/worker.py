"""Celery's worker, with beat in it, beside a gateway: `python -m freeai.embedded.worker`, which the gateway starts.

Most of the time there is nothing to do, and what does it takes as much memory as the gateway. So this process loads nothing of FreeAI but
its logs, and each task runs in a process of its own (`errand`), which takes with it what it loaded. What the worker has to know the
gateway tells it on stdin, once.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from os import getpid
from pathlib import Path
from typing import Any, Final

import structlog
from celery import Celery
from celery.signals import setup_logging, worker_ready, worker_shutdown
from msgspec import Struct
from msgspec import json as msgspec_json

from freeai import logs, streams
from freeai.embedded.beat import Beat
from freeai.embedded.following import follow

log = structlog.get_logger("freeai.celery")

LONGEST_S: Final = 1800.0
"""How long a task may take: each has a budget of its own, of minutes, so that one which takes longer hangs, and all others behind it."""
LIGHT: Final = {
    "worker_pool": "solo",
    "worker_enable_remote_control": False,
    "worker_prefetch_multiplier": 1,  # what it holds it does before it stops
}
QUIET: Final = dict.fromkeys(("without_gossip", "without_mingle", "without_heartbeat", "quiet"), True)


class Instructions(Struct, frozen=True, kw_only=True):
    """`parent`: the gateway's process id. `celery`: Celery's configuration. `folders`: of the broker, to be there."""

    parent: int
    celery: dict[str, Any]
    folders: tuple[str, ...]
    log_level: str
    log_format: str


def main() -> int:
    """Until a signal; the exit code."""
    streams.make_whole()
    told = msgspec_json.decode(sys.stdin.buffer.read(), type=Instructions)
    follow(told.parent)
    logs.configure(told.log_level, told.log_format)
    for folder in map(Path, told.folders):
        folder.mkdir(parents=True, exist_ok=True)
        _forget_torn_files(folder)
    app = _application(told.celery)
    beat = Beat(app)
    setup_logging.connect(_keep_our_logs)
    worker_ready.connect(lambda **_: beat.start(), weak=False)
    worker_shutdown.connect(lambda **_: beat.stop(), weak=False)
    worker = app.Worker(**QUIET)
    worker.start()
    return int(worker.exitcode or 0)


def _application(configuration: dict[str, Any]) -> Celery:
    """It knows the tasks of the schedule by name. Without Celery's own care for Django, which would load all of it."""
    app = Celery("freeai", fixups=[], config_source=configuration | LIGHT)
    for entry in configuration["beat_schedule"].values():
        app.task(_errand(entry["task"]), name=entry["task"], ignore_result=True)
    return app


def _errand(name: str) -> Callable[[], None]:
    def send() -> None:
        reason = _run(name)
        if reason:
            log.error("task.failed", task=name, reason=reason)

    return send


def _run(name: str) -> str:
    """One run of the task in a process of its own; why it failed, "" where it did not. Its process says more."""
    command = [sys.executable, "-m", "freeai.embedded.errand", name, str(getpid())]
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=LONGEST_S)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:  # and killed
        return f"not done within {LONGEST_S:.0f} s"
    except OSError as error:  # no memory, no process left
        return f"not started: {error.strerror}"
    code = ended.returncode
    return f"signal {-code}" if code < 0 else f"exit code {code}" if code else ""


def _keep_our_logs(**_: object) -> None:
    """That somebody listens is what keeps Celery from setting up its own."""


def _forget_torn_files(folder: Path) -> None:
    """What a full disk left of the file broker's notes on its queues: Celery reads them at every start, writes them anew, and ends over one
    that is no JSON."""
    for file in folder.glob("*.exchange"):
        try:
            json.loads(file.read_bytes())
        except ValueError:
            log.warning("celery.torn_file", file=str(file))
            file.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
