"""Metrics of several processes: counted in files in memory that all see, so that what one has counted stays when it is killed.

The files are prometheus-client's own; it decides at its import whether there are any, by PROMETHEUS_MULTIPROC_DIR. Each process has its
own, by the number of the worker, which is used again: so there are never more of them than processes at a time.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, multiprocess, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.core import worker

log = structlog.get_logger("freeai.metrics")

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a directory of our own in it, closed to others
KINDS: Final = ("counter", "histogram", "gauge_livesum", "gauge_livemin", "gauge_livemax")
RESERVED_BYTES: Final = 256 * 1024
"""Of each file: a page for which there is no room when it is first written to ends the process."""
TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
alone: Final[list[Collector]] = []
"""What whichever process is asked knows of the whole: nobody adds it up."""


def is_shared() -> bool:
    """Whether several processes count here."""
    return bool(os.environ.get(VARIABLE))


def install() -> None:
    """Count where all see it, if that is so. Before the first metric is made."""
    if is_shared():
        make: Callable[[Callable[[], int]], Any] = values.MultiProcessValue
        values.ValueClass = make(lambda: worker.number() or os.getpid())


def open_directory(data_dir: Path) -> Path:
    """An empty directory for the files: in memory where the system has a place for that, else in the data directory. Raises OSError."""
    for place in _places(data_dir):
        try:
            close_directory(place)
            place.mkdir(mode=0o700)
        except OSError as error:
            log.warning("metrics.no_directory", directory=str(place), error=error.strerror)
            continue
        return place
    raise OSError(f"there is no place for metrics in {data_dir}")


def is_open(data_dir: Path) -> bool:
    """Whether the files are in such a directory, and not where somebody else wants them."""
    return Path(os.environ.get(VARIABLE, "")) in _places(data_dir)


def _places(data_dir: Path) -> tuple[Path, Path]:
    mark = sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return MEMORY / f"freeai-{os.geteuid()}-{mark}", data_dir / "metrics"


def close_directory(place: Path) -> None:
    """Remove it, if it is there and ours. Raises OSError where it is somebody else's."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(1, "it is somebody else's", str(place))
    shutil.rmtree(place)


def reserve() -> None:
    """Take the room that this worker's files need, as far as there is any."""
    directory = Path(os.environ[VARIABLE])
    for kind in KINDS:
        try:
            file = os.open(directory / f"{kind}_{worker.number()}.db", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file, 0, RESERVED_BYTES)
            finally:
                os.close(file)
        except OSError as error:
            log.warning("metrics.no_room", kind=kind, error=error.strerror)


def forget(number: int) -> None:
    """A worker has died: what was so only while it lived is not so any more."""
    if is_shared():
        multiprocess.mark_process_dead(number)  # type: ignore[no-untyped-call]  # the library has no types there


def registry() -> CollectorRegistry:
    """What all processes counted, added up, and what this one tells for all."""
    made = CollectorRegistry()
    multiprocess.MultiProcessCollector(made, os.environ[VARIABLE])  # type: ignore[no-untyped-call]  # the library has no types there
    for each in (_Processes(), *alone):
        made.register(each)
    return made


class _Processes(Collector):
    """The parent and all below it, as one process: when it began, its memory and its processor time, that of the dead included."""

    def collect(self) -> Iterable[Metric]:
        parent = os.getppid() if worker.number() else os.getpid()
        try:
            pids = [parent, *_children(parent)]
            known = [_stat(parent), *filter(None, map(_stat_or_none, pids[1:]))]
            began = _boot_time() + int(known[0][19]) / TICKS_A_SECOND
        except OSError:
            return  # no /proc here
        spent = [*known[0][11:15], *(ticks for each in known[1:] for ticks in each[11:13])]
        yield CounterMetricFamily(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            sum(map(int, spent)) / TICKS_A_SECOND,
        )
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory size in bytes; what processes share counts in each.",
            sum(int(each[21]) for each in known) * PAGE_BYTES,
        )
        yield GaugeMetricFamily(
            "process_open_fds", "Number of open file descriptors.", sum(map(_open_files, pids))
        )
        yield GaugeMetricFamily(
            "process_max_fds",
            "Maximum number of open file descriptors, of all together.",
            len(pids) * getrlimit(RLIMIT_NOFILE)[0],
        )
        yield GaugeMetricFamily(
            "process_start_time_seconds", "Start time of the parent since unix epoch in seconds.", began
        )


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _stat_or_none(pid: int) -> list[str] | None:
    try:
        return _stat(pid)
    except OSError:
        return None  # it has just ended


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0  # it has just ended


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _boot_time() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    raise OSError("the system does not tell when it began")
