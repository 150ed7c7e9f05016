"""What is measured: each scenario takes a Bench and returns its figures, medians of turns of floor and FreeAI."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from benchmarks import wire
from benchmarks.bench import Bench, PeakMemory, Side, Window
from benchmarks.report import Figure, Figures
from benchmarks.stats import middle, recovery_s, slope

STREAMS, CROWD = 500, 2_000
FIRST_REQUESTS = 5
FRAME_CONNECTIONS = 4
SHORT, LONG = 1, 400
LEVELS = (1, 16, 64, 256)
CROWDED = 256
PROBE_S = 0.5
AGENTS = 16
STALLS = 10
LARGEST_BODY = 26_214_400  # FREEAI_MAX_BODY_BYTES as it is shipped
FIRST_FRAME_SHAPE = "frames_5_0"


class Turns:
    """Values of floor and FreeAI by figure; `figures` takes their medians."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))

    def add(self, key: str, value: float, *, floor: bool) -> None:
        """Note a turn's value."""
        self._values[key][floor].append(value)

    def figures(self) -> dict[str, Figure]:
        """A figure for each key."""
        return {
            key: Figure(middle(measured), middle(floor)) for key, (measured, floor) in self._values.items()
        }


def _rounds(bench: Bench, most: int | None = None) -> Iterator[tuple[Side, bool]]:
    """(side, whether it is the floor), interleaved."""
    for _ in range(min(bench.effort.rounds, most or bench.effort.rounds)):
        yield bench.floor, True
        yield bench.gateway(), False


def start(bench: Bench) -> Figures:
    """The first start, which sets everything up, and later ones. Not pinned: a user's is not either."""
    installation = bench.installation()
    later: list[float] = []
    for _ in range(bench.effort.starts):
        installation.stop()
        later.append(installation.start().answer_s)
    bench.pin(installation)
    figures = {"start_answer_s": Figure(middle(later))}
    if bench.first_start is not None:
        figures["first_start_live_s"] = Figure(bench.first_start.live_s)
        figures["first_start_answer_s"] = Figure(bench.first_start.answer_s)
    return figures


def idle(bench: Bench) -> Figures:
    """Memory after start, first answers and the first run of each scheduled task, before any load."""
    installation = bench.installation()
    child, floor = bench.gateway().child, bench.floor.child
    for _ in range(FIRST_REQUESTS):
        installation.chat()
    installation.run("scheduled")
    child.settle()
    return {
        "idle_web_mib": Figure(child.rss_mib(), floor.rss_mib()),
        "idle_tree_rss_mib": Figure(child.tree_rss_mib(), floor.tree_rss_mib()),
        "idle_tree_mib": Figure(child.tree_pss_mib(), floor.tree_pss_mib()),
    }


def slow(bench: Bench) -> Figures:
    """500 streams of five seconds at once. Memory is compared with what it was before the first of them."""
    turns = Turns()
    idle_mib = {True: bench.floor.child.rss_mib(), False: bench.gateway().child.rss_mib()}
    peak_mib = dict.fromkeys((True, False), 0.0)
    for side, is_floor in _rounds(bench, most=2):
        before = side.child.cpu_s()
        with PeakMemory(side.child) as memory:
            seen = bench.load.run("crowd", target=side.target, streams=STREAMS, shape=wire.SLOW)
        side.child.settle()
        turns.add("slow_cpu_s", side.child.cpu_s() - before, floor=is_floor)
        turns.add("slow_wall_s", seen["wall_s"], floor=is_floor)
        turns.add("slow_errors", STREAMS - _complete(seen), floor=is_floor)
        peak_mib[is_floor] = max(peak_mib[is_floor], memory.peak_mib)
    each = {key: (peak_mib[key] - idle_mib[key]) * 1024 / STREAMS for key in (True, False)}
    return turns.figures() | {"slow_kb_each": Figure(each[False], each[True])}


def crowd(bench: Bench) -> Figures:
    """2,000 of them at once, where the question is whether all finish, and what they take of the memory."""
    figures: dict[str, tuple[float, float]] = {}
    for side in (bench.floor, bench.gateway()):
        idle_mib = side.child.rss_mib()
        with PeakMemory(side.child) as memory:
            seen = bench.load.run("crowd", target=side.target, streams=CROWD, shape=wire.SLOW)
        side.child.settle()
        each = (memory.peak_mib - idle_mib) * 1024 / CROWD
        figures[side.child.name] = (CROWD - _complete(seen), each)
    (errors, each), (floor_errors, floor_each) = figures["freeai"], figures["floor"]
    return {
        "crowd_errors": Figure(errors, floor_errors),
        "crowd_kb_each": Figure(each, floor_each),
    }


def _complete(seen: dict[str, Any]) -> int:
    """Streams that ended well; frames are counted too, so that none was lost on the way."""
    frames = wire.read_shape(b'"stream":true ' + wire.SLOW.encode())
    enough = frames is not None and seen["frames"] >= seen["requests"] * frames.frames
    return int(seen["requests"]) if enough else 0


def whole(bench: Bench) -> Figures:
    """Whole answers at 1, 16, 64 and 256 connections: CPU per request, rates, errors, and how it gets over the 256."""
    turns = Turns()
    for side, is_floor in _rounds(bench):
        errors, normal_s = 0, 0.0
        rates: dict[int, float] = {}
        for connections in LEVELS:
            bench.warm_up(side, connections)
            probe_s = PROBE_S if connections == CROWDED else 0.0
            window = bench.window(side, connections, probe_s=probe_s)
            rates[connections] = window.rate
            errors += window.seen["errors"]
            turns.add(f"rate_{connections}", window.rate, floor=is_floor)
            if connections == 1:
                normal_s = window.seen["p50_ms"] / 1000
            if connections == 64:
                turns.add("cpu_ms", window.cpu_per_request_s * 1000, floor=is_floor)
            if probe_s:
                turns.add("recovery_s", recovery_s(window.seen["probes"], normal_s), floor=is_floor)
        turns.add("collapse", rates[CROWDED] / rates[64], floor=is_floor)
        turns.add("errors", errors, floor=is_floor)
    return turns.figures()


def agents(bench: Bench) -> Figures:
    """Turns of agents: 40 kB each, tools, the same user's words again and again."""
    turns = Turns()
    for side, is_floor in _rounds(bench):
        window = bench.window(side, AGENTS, talk="agents")
        if window.seen["errors"]:
            raise RuntimeError(
                f"agents: {window.seen['errors']} errors, the first: {window.seen['first_error']}"
            )
        turns.add("agent_ms", window.cpu_per_request_s * 1000, floor=is_floor)
    return turns.figures()


def stalls(bench: Bench) -> Figures:
    """How long the event loop is held while large bodies are answered: the slowest /livez."""
    target = bench.gateway().target
    return {
        key: Figure(bench.load.run("stalls", target=target, size=size, count=STALLS)["meanwhile_ms"])
        for key, size in (("stall_1_ms", 1_000_000), ("stall_most_ms", LARGEST_BODY - 10_000))
    }


def latency(bench: Bench) -> Figures:
    """What floor and FreeAI add to a request, one at a time, above the upstream asked directly in the same breath."""
    turns = Turns()
    for _ in range(bench.effort.rounds):
        direct, floor, measured = _singles(bench, "")
        for key in ("p50_ms", "p99_ms"):
            turns.add(f"added_{key}", floor[key] - direct[key], floor=True)
            turns.add(f"added_{key}", measured[key] - direct[key], floor=False)
        direct, floor, measured = _singles(bench, FIRST_FRAME_SHAPE)
        turns.add("added_first_ms", floor["first_p50_ms"] - direct["first_p50_ms"], floor=True)
        turns.add("added_first_ms", measured["first_p50_ms"] - direct["first_p50_ms"], floor=False)
    return turns.figures()


def _singles(bench: Bench, shape: str) -> list[dict[str, Any]]:
    """What the load saw of upstream, floor and FreeAI. Raises RuntimeError on any error: latencies of failures mean nothing."""
    sides = [bench.direct, bench.floor.target, bench.gateway().target]
    reports: list[dict[str, Any]] = bench.load.run(
        "alternate", targets=sides, count=bench.effort.singles, shape=shape
    )["targets"]
    for report in reports:
        if report["errors"]:
            raise RuntimeError(
                f"one at a time: {report['errors']} errors, the first: {report['first_error']}"
            )
    return reports


def frames(bench: Bench) -> Figures:
    """CPU per streamed frame: what 400 frames cost more than one. The floor once injects fields and once relays the bytes."""
    costs: dict[str, list[float]] = {"floor": [], "raw": [], "freeai": []}
    for _ in range(bench.effort.rounds):
        for name, side in (("floor", bench.floor), ("raw", bench.floor_raw), ("freeai", bench.gateway())):
            short, long = (_stream_window(bench, side, count) for count in (SHORT, LONG))
            cost = slope((SHORT, short.cpu_per_request_s), (LONG, long.cpu_per_request_s))
            costs[name].append(cost * 1_000_000)
    measured = middle(costs["freeai"])
    return {
        "frame_us": Figure(measured, middle(costs["floor"])),
        "frame_raw_us": Figure(measured, middle(costs["raw"])),
    }


def _stream_window(bench: Bench, side: Side, count: int) -> Window:
    shape = wire.FAST.format(count=count)
    bench.warm_up(side, FRAME_CONNECTIONS, shape)
    window = bench.window(side, FRAME_CONNECTIONS, shape=shape)
    if window.seen["errors"]:
        raise RuntimeError(
            f"streams: {window.seen['errors']} errors, the first: {window.seen['first_error']}"
        )
    return window
