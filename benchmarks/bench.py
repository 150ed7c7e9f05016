"""What a run holds: the upstream and the load on one core, what is measured on the other."""

import select
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import orjson

from benchmarks import wire
from benchmarks.gateway import Gateway, Started
from benchmarks.processes import MIB, ROOT, Child, cores, free_port, python_module, wait_for

CANDIDATES = 20
FLOOR_KEY = "fai_bench_floor_key"
READY_S = 20.0
ANSWER_S = 90.0
# A gateway looks once a second whether other processes changed what it holds in memory.
POLL_S = 1.3
SAMPLE_INTERVAL_S = 0.05
FILL_S, FILL_RATE = 300.0, 2_000  # what filling a ledger may take, and events a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long and how often to measure."""

    window_s: float
    rounds: int
    singles: int
    starts: int
    events: int
    feed_s: float


class Window(NamedTuple):
    """A spell of load: what the load process saw, and the CPU seconds of the tree, accounting included."""

    seen: dict[str, Any]
    cpu_s: float

    @property
    def cpu_per_request_s(self) -> float:
        return self.cpu_s / max(1, int(self.seen["requests"]))

    @property
    def rate(self) -> float:
        return float(self.seen["requests"] / self.seen["elapsed_s"])


class Load:
    """The load process: `run` sends it a command and returns its result."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            python_module("load"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Raises RuntimeError when the command failed, TimeoutError when it takes too long."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 - both are pipes
        stdin.write(orjson.dumps({"kind": kind, **fields}) + b"\n")
        stdin.flush()
        if not select.select([stdout], [], [], ANSWER_S)[0]:
            raise TimeoutError(f"no result of {kind} after {ANSWER_S:.0f} s")
        result: dict[str, Any] = orjson.loads(stdout.readline() or b'{"failed":"the load process ended"}')
        if "failed" in result:
            raise RuntimeError(f"{kind}: {result['failed']}")
        return result

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


class Side(NamedTuple):
    """A measured server: its process, and its target for the load process."""

    child: Child
    target: dict[str, Any]


class PeakMemory:
    """Watches the resident memory of a process while it is entered."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mib = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_INTERVAL_S):
            self.peak_mib = max(self.peak_mib, self._child.root.memory_info().rss / MIB)


class Bench:
    """Upstream, load and floor run from the start, gateways once a scenario asks. `stack` ends all of them."""

    def __init__(self, effort: Effort, directory: Path, stack: ExitStack) -> None:
        self.effort = effort
        self._directory = directory
        self._stack = stack
        self.core, _ = cores()
        self._gateways: dict[str, Gateway] = {}
        self.first_start: Started | None = None
        upstream = stack.enter_context(Child("upstream", python_module("upstream"), directory))
        wait_for(lambda: "\n" in upstream.text(), READY_S, "the upstream did not start")
        self.upstream_port = int(upstream.text())
        self.upstream_url = f"http://127.0.0.1:{self.upstream_port}"
        self.load = Load()
        stack.callback(self.load.stop)
        self.floor = self._start_floor()

    @property
    def direct(self) -> dict[str, Any]:
        """The upstream itself as a target."""
        return _target(self.upstream_port, '"choices"')

    @property
    def floor_raw(self) -> Side:
        """The floor, passing on the upstream's bytes as they come."""
        raw = {"path": f"/raw{wire.PATH}", "marker": '"choices"'}
        return Side(self.floor.child, self.floor.target | raw)

    def installation(self, name: str = "main", env: Mapping[str, str] = MappingProxyType({})) -> Gateway:
        """The gateway of that name, started and settled, with 20 candidates. `env`: what else is set when it is first asked for."""
        if name not in self._gateways:
            self._gateways[name] = self._started(Gateway(self._directory / name, env=env))
        return self._gateways[name]

    def place(self, name: str) -> Path:
        """A new directory, which is gone at the end."""
        directory = self._directory / name
        directory.mkdir()
        return directory

    def fed(self, database_url: str) -> Gateway:
        """The same on that database, and one that can be fed: see `benchmarks.fed`."""
        program = python_module("fed")
        return self._started(
            Gateway(self._directory / "fed", program=program, env={"FREEAI_DATABASE_URL": database_url})
        )

    def rolled_up(self, name: str, events: int, days: int, database_url: str = "") -> Gateway:
        """A gateway that runs over so many events of so many days, rolled up."""
        gateway = Gateway(self._directory / name, env={"FREEAI_DATABASE_URL": database_url})
        self._stack.callback(gateway.stop)
        gateway.start()
        gateway.stop()
        gateway.run("ledger", str(events), str(days), timeout_s=FILL_S + events / FILL_RATE)
        gateway.start()
        return gateway

    def _started(self, gateway: Gateway) -> Gateway:
        self._stack.callback(gateway.stop)
        started = gateway.start()
        self.first_start = self.first_start or started
        gateway.seed("candidates", str(CANDIDATES), self.upstream_url)
        self.pin(gateway)
        self.await_reload(gateway)
        return gateway

    def gateway(self, name: str = "main", env: Mapping[str, str] = MappingProxyType({})) -> Side:
        """The same as a side."""
        installation = self.installation(name, env)
        assert installation.child is not None  # noqa: S101 - it was started
        return Side(installation.child, installation.target())

    @staticmethod
    def await_reload(*gateways: Gateway) -> None:
        """Return when seeded gateways have noticed, and are done with reading it."""
        sleep(POLL_S)
        for gateway in gateways:
            assert gateway.child is not None  # noqa: S101 - it was started
            gateway.child.settle()

    def pin(self, gateway: Gateway) -> None:
        """Settle a started gateway on the measured core."""
        assert gateway.child is not None  # noqa: S101 - it was started
        gateway.child.settle()
        gateway.child.pin(self.core)

    def window(
        self,
        side: Side,
        connections: int,
        *,
        seconds: float = 0.0,
        shape: str = "",
        probe_s: float = 0.0,
        talk: str = "prompts",
    ) -> Window:
        """Closed-loop load on a side, for the effort's window unless `seconds` says otherwise."""
        before = side.child.cpu_s()
        seen = self.load.run(
            "closed",
            target=side.target,
            connections=connections,
            seconds=seconds or self.effort.window_s,
            shape=shape,
            probe_s=probe_s,
            talk=talk,
        )
        if side.child is not self.floor.child:  # which has nothing left to do after its last answer
            side.child.settle()
        return Window(seen, side.child.cpu_s() - before)

    def warm_up(self, side: Side, connections: int, shape: str = "") -> None:
        """Open the pooled connections to the upstream, so that no window pays for that."""
        self.load.run("closed", target=side.target, connections=connections, seconds=0.3, shape=shape)

    def _start_floor(self) -> Side:
        port = free_port()
        arguments = python_module("floor", str(port), self.upstream_url, FLOOR_KEY)
        child = self._stack.enter_context(Child("floor", arguments, self._directory))
        target = _target(port, '"real_model":"bench-model"')
        for _ in range(100):
            child.check()
            try:
                self.load.run("alternate", targets=[target], count=1)
                break
            except RuntimeError:
                sleep(0.1)
        child.pin(self.core)
        return Side(child, target)


def _target(port: int, marker: str) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "path": wire.PATH,
        "key": FLOOR_KEY,
        "marker": marker,
        "model": "freeai-auto",
    }
