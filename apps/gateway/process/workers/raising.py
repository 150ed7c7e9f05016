"""Several workers of one `serve`: everything is loaded first, and then they are forked, so that what never changes is in memory once."""

import gc
import os
import shutil
import threading
from collections.abc import Callable
from importlib import import_module
from socket import socket

from django.conf import settings
from django.db import connections

from apps.analytics import shared_metrics
from apps.gateway import supervision
from apps.gateway.process import serving
from apps.gateway.process.celery_child import NAME, CeleryProcess
from apps.gateway.process.serving import Worker
from apps.gateway.process.workers.birth import READY, Tell
from apps.gateway.process.workers.parent import Parent

THREAD_ENDS_S = 5.0


def raise_workers(
    places: list[list[socket]],
    *,
    announce: Callable[[], None],
    started: Callable[[], None],
    own: list[int],
    with_tasks: bool,
) -> None:
    """Until a signal, and all have ended. `announce`: once, by the first, before the first connection is accepted; `started`: here, when
    it serves; `own`: descriptors that are the parent's alone. Raises StartError."""
    config = serving.configure()
    import_module(settings.ROOT_URLCONF)
    tasks = CeleryProcess() if with_tasks else None
    if tasks is not None:
        supervision.show(NAME)

    def serve(sockets: list[socket], parent: int, tell: Tell, is_first: bool) -> None:
        worker = Worker(parent, lambda: tell(READY))
        serving.serve(config, sockets, announce if is_first else _nothing, worker)

    _be_alone()
    try:
        Parent(places, serve, own, tasks).run(started)
    finally:
        shutil.rmtree(os.environ[shared_metrics.VARIABLE], ignore_errors=True)


def _be_alone() -> None:
    """One thread, no connection, and nothing that a collection of garbage in a worker would write to."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(THREAD_ENDS_S)
    connections.close_all()
    gc.collect()
    gc.freeze()


def _nothing() -> None:
    """The first has said it."""
