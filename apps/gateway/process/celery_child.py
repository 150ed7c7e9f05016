"""Celery worker and beat as a child of the gateway: started anew when it ends, stopped with us, and it follows us if we are killed."""

import os
import subprocess
import sys
import threading

import structlog
from django.conf import settings

from apps.analytics import shared_metrics
from apps.core import clock
from apps.gateway import supervision

log = structlog.get_logger("freeai.gateway")

NAME = "celery"
WORKER = [
    "-m",
    "celery",
    "--quiet",
    "-A",
    "freeai.celery",
    "worker",
    "--pool",
    "solo",
    "--loglevel",
    "WARNING",
]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
STOP_TIMEOUT_S = 10.0
PROVEN_S = 3.0
"""A child that ends sooner did not run: one that fails at every start is down all the while."""


class CeleryChild:
    """One process and the thread that waits for it. `start` and `stop` belong to whoever serves."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._begin = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="celery-child", daemon=True)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let the worker finish its task, for 10 s at most. Without it, and never to return."""
        with self._begin:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(STOP_TIMEOUT_S)
        supervision.forget(NAME)

    def _keep(self) -> None:
        pauses = supervision.BackOff()
        while True:
            began = clock.monotonic()
            reason = self._run()
            if self._stopping.is_set():
                return
            supervision.mark(NAME, False)
            pause_s = pauses.after(clock.monotonic() - began)
            log.error("celery.ended", reason=reason, restart_in_s=pause_s)
            if self._stopping.wait(pause_s):
                return

    def _run(self) -> str:
        """One life of the child; why it ended."""
        try:
            with self._begin:
                if self._stopping.is_set():
                    return "stopping"
                process = self._process = _spawn()
        except OSError as error:  # no memory, no process left
            return f"not started: {error.strerror}"
        try:
            code = process.wait(timeout=PROVEN_S)
        except subprocess.TimeoutExpired:
            supervision.mark(NAME, True)
            code = process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class CeleryProcess:
    """The same for a parent that forks and must have no thread: `look` is called every second or so, and starts it at first."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pauses = supervision.BackOff()
        self._began = self._due_at = 0.0

    def look(self) -> None:
        """Note whether it runs, and start it where that is due."""
        now = clock.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self._ended(f"signal {-code}" if code < 0 else f"exit code {code}", now)
        elif self._process is not None and now - self._began >= PROVEN_S:
            supervision.mark(NAME, True)
        elif self._process is None and now >= self._due_at:
            self._began = now
            try:
                self._process = _spawn()
            except OSError as error:
                self._ended(f"not started: {error.strerror}", now)

    def stop(self) -> None:
        """Let the worker finish its task, for 10 s at most."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        supervision.forget(NAME)

    def _ended(self, reason: str, now: float) -> None:
        supervision.mark(NAME, False)
        pause_s = self._pauses.after(now - self._began)
        self._due_at = now + pause_s
        log.error("celery.ended", reason=reason, restart_in_s=pause_s)


def _spawn() -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl-C reaches it through us, after the streams."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, *WORKER, *QUIET],
        env=_environment(),
        cwd=settings.BASE_DIR,
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """Ours; its metrics are its own."""
    env = os.environ | {"FREEAI_PARENT_PID": str(os.getpid())}
    env.pop(shared_metrics.VARIABLE, None)
    return env
