"""The Celery application. `manage.py serve` starts one worker, with beat in it, as its child; a fleet runs them separately."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from celery import Celery
from celery.beat import Service
from celery.signals import setup_logging, task_success, worker_init, worker_ready, worker_shutdown

from freeai.entrance import enter

enter()

from django.conf import settings  # noqa: E402

from apps.core import task_runs  # noqa: E402

app = Celery("freeai")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.providers.listing"], related_name="jobs")

log = structlog.get_logger("freeai.celery")

PARENT = "FREEAI_PARENT_PID"  # of the gateway whose child this worker is
FOLLOW_INTERVAL_S = 0.5
LAST_TASK_S = 2.5
BEAT_INTERVAL_S = 1.0  # how long a stop waits for beat at most


@setup_logging.connect
def _keep_our_logs(**_: object) -> None:
    """That somebody listens is what keeps Celery from setting up its own."""


@task_success.connect
def _note(sender: Any = None, **_: object) -> None:
    """What is scheduled has run: `manage.py doctor` asks for it."""
    task_runs.note(getattr(sender, "name", ""))


@worker_init.connect
def _prepare(**_: object) -> None:
    for folder in ("queue", "control"):
        Path(settings.BROKER_DIR, folder).mkdir(parents=True, exist_ok=True)
    _forget_torn_files(Path(settings.BROKER_DIR, "control"))
    if parent := os.environ.get(PARENT):
        threading.Thread(target=_follow, args=(int(parent),), name="follow", daemon=True).start()


def _forget_torn_files(control: Path) -> None:
    """What a full disk left of the file broker's notes on its queues: Celery reads them at every start, writes them anew, and ends over one
    that is no JSON."""
    for file in control.glob("*.exchange"):
        try:
            json.loads(file.read_bytes())
        except ValueError:
            log.warning("celery.torn_file", file=str(file))
            file.unlink(missing_ok=True)


def _follow(parent: int) -> None:
    """Stop with the gateway that started us, also when it was killed and could not say so."""
    while os.getppid() == parent:
        time.sleep(FOLLOW_INTERVAL_S)
    log.warning("celery.gateway_gone")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_TASK_S)
    os._exit(1)


class Beat(threading.Thread):
    """Celery's beat in a thread of the worker: `worker --beat` has it in a process, which outlives a worker that is killed.

    When it fails the worker ends too, and the gateway starts both anew.
    """

    def __init__(self) -> None:
        super().__init__(name="beat", daemon=True)
        self._service = Service(app, max_interval=BEAT_INTERVAL_S, remote_control=False)
        self._stopping = False

    def run(self) -> None:
        app.set_current()
        try:
            self._service.start()
        except Exception:  # the root of the thread
            log.exception("beat.failed")
        if not self._stopping:
            os.kill(os.getpid(), signal.SIGTERM)

    def stop(self) -> None:
        """Let it write its schedule."""
        self._stopping = True
        self._service.stop()
        self.join(2 * BEAT_INTERVAL_S)


_beats: list[Beat] = []


@worker_ready.connect
def _start_beat(**_: object) -> None:
    if os.environ.get(PARENT):
        _beats.append(Beat())
        _beats[0].start()


@worker_shutdown.connect
def _stop_beat(**_: object) -> None:
    for beat in _beats:
        beat.stop()
