"""Celery's beat in a thread of the worker: `worker --beat` has it in a process, which outlives a worker that is killed."""

import os
import signal
import threading
from typing import Final

import structlog
from celery import Celery
from celery.beat import Service

log = structlog.get_logger("freeai.celery")

INTERVAL_S: Final = 1.0
"""How long a stop waits for it at most."""


class Beat(threading.Thread):
    """When it fails the worker ends too, and the gateway starts both anew."""

    def __init__(self, app: Celery) -> None:
        super().__init__(name="beat", daemon=True)
        self._app = app
        self._service = Service(app, max_interval=INTERVAL_S, remote_control=False)
        self._stopping = False

    def run(self) -> None:
        self._app.set_current()
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
        self.join(2 * INTERVAL_S)
