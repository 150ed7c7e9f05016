"""The Celery application. `manage.py serve` starts one worker with beat as its child; a fleet runs them separately."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init

from freeai.entrance import enter

enter()

app = Celery("freeai")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

PARENT = "FREEAI_PARENT_PID"


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    from django.conf import settings

    from freeai import logs

    logs.configure(settings.FREEAI_LOG_LEVEL, settings.FREEAI_LOG_FORMAT)


@worker_init.connect
def _prepare(**_: Any) -> None:
    from django.conf import settings

    for folder in ("queue", "control"):
        Path(settings.BROKER_DIR, folder).mkdir(parents=True, exist_ok=True)
    if parent := os.environ.get(PARENT):
        threading.Thread(target=_follow, args=(int(parent),), daemon=True).start()


def _follow(parent: int) -> None:
    """Stop with the gateway that started us, also when it was killed and could not say so."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
