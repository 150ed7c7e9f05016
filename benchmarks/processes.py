"""Child processes: started, pinned to a core, measured as a tree, and always ended."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

import psutil

from benchmarks.absent import without_the_absent

# A child outlives no run, even one that was killed: the kernel ends it, because alarms survive exec.
LIFETIME_S = 1800
STOP_S = 15.0
OPEN_FILES = 8192
ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024


def cores() -> tuple[set[int], set[int]]:
    """The core of what is measured, and the one of load and upstream; the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, {usable[1] if len(usable) > 1 else usable[0]}


def free_port() -> int:
    """A port of the loopback interface that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], seconds: float, what: str, interval_s: float = 0.02) -> None:
    """Return when `condition` holds. Raises TimeoutError that names `what`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} after {seconds:.0f} s")
        time.sleep(interval_s)


class Child:
    """A process and its descendants. Its stdout and stderr go to `<directory>/<name>.out` and `.err`, the latter behind what is there."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        env: dict[str, str] | None = None,
        root: Path = ROOT,
        lifetime_s: int = LIFETIME_S,
    ) -> None:
        self.name = name
        self.out, self.err = directory / f"{name}.out", directory / f"{name}.err"
        self._descendants: list[psutil.Process] = []
        self.started_at = time.perf_counter()
        with self.out.open("wb") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                command,
                cwd=root,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=partial(signal.alarm, lifetime_s),
            )
        self.root = psutil.Process(self.process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def pin(self, core: set[int]) -> None:
        """Keep the whole tree, with all its threads, on `core`."""
        for process in self.tree():
            for thread in process.threads():
                os.sched_setaffinity(thread.id, core)

    def tree(self) -> list[psutil.Process]:
        """The process and its living descendants."""
        self._descendants = self.root.children(recursive=True)
        return [self.root, *self._descendants]

    def cpu_s(self) -> float:
        """CPU seconds of the tree so far, of descendants that have ended too."""
        total_s = 0.0
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):  # it ended just now: its parent's times hold its own
                total_s += sum(process.cpu_times()[:4])
        return total_s

    def rss_mib(self) -> float:
        """Resident memory of the root process alone."""
        return float(self.root.memory_info().rss) / MIB

    def tree_rss_mib(self) -> float:
        """Resident memory of the tree, as each process's is told: shared pages count once in each."""
        return float(sum(process.memory_info().rss for process in self.tree())) / MIB

    def tree_pss_mib(self) -> float:
        """Memory of the tree, shared pages counted once."""
        return float(sum(process.memory_full_info().pss for process in self.tree())) / MIB

    def settle(self, busy: float = 0.1, most_s: float = 12.0) -> None:
        """Return when the tree uses less than `busy` of a core, at the latest after `most_s`."""
        deadline = time.monotonic() + most_s
        while time.monotonic() < deadline:
            before = self.cpu_s()
            time.sleep(0.6)
            if self.cpu_s() - before < busy * 0.6:
                return

    def text(self) -> str:
        """What it has printed so far."""
        return self.out.read_text(errors="replace")

    def check(self) -> None:
        """Raises RuntimeError with its last words when the process has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.err.read_text(errors='replace')[-1500:]}")

    def stop(self) -> None:
        """End the tree: politely first, then not."""
        if self.process.poll() is None:
            self._descendants = self.root.children(recursive=True) or self._descendants
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in self._descendants:
            with suppress(
                psutil.NoSuchProcess
            ):  # psutil compares start times: never a stranger with a reused id
                process.kill()


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", f"benchmarks.{module}", *arguments]


def clean_env(extra: dict[str, str]) -> dict[str, str]:
    """Our environment without the FREEAI_* variables of whoever runs this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FREEAI_")}
    return without_the_absent(kept | extra)


def allow_many_connections() -> None:
    """Raise the limit of open files: 500 streams through a proxy are 1,000 sockets. Children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
