"""A process that ends with the one that began it, also where that was killed and could not say so."""

import os
import signal
import threading
import time

import structlog

log = structlog.get_logger("freeai.celery")

INTERVAL_S = 0.5
LAST_WORK_S = 2.5


def follow(parent: int) -> None:
    """From now on, in a thread. `parent`: its process id, told by itself: it may be gone already."""
    threading.Thread(target=_watch, args=(parent,), name="follow", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(INTERVAL_S)
    log.warning("celery.gateway_gone")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WORK_S)
    os._exit(1)
