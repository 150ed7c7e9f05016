"""What more of everything costs: two gateways that differ in one thing, measured in turns."""

from benchmarks.bench import CANDIDATES, Bench, Side
from benchmarks.report import Figure, Figures
from benchmarks.stats import median_ratio

PAIRS_PER_ROUND = 2
CONNECTIONS = 16
FEW_CANDIDATES, MANY_CANDIDATES = 5, 400
FEW_KEYS, MANY_KEYS = 100, 100_000
SPOOLED = 300_000


def candidates(bench: Bench) -> Figures:
    """400 candidates beside 5."""
    few, many = bench.installation(), bench.installation("grown")
    few.seed("candidates", str(FEW_CANDIDATES), bench.upstream_url)
    many.seed("candidates", str(MANY_CANDIDATES), bench.upstream_url)
    bench.await_reload(few, many)
    figure = compare(bench, bench.gateway(), bench.gateway("grown"))
    for installation in (few, many):
        installation.seed("candidates", str(CANDIDATES), bench.upstream_url)
    bench.await_reload(few, many)
    return {"growth_candidates": figure}


def keys(bench: Bench) -> Figures:
    """100,000 client keys beside 100."""
    few, many = bench.installation(), bench.installation("grown")
    few.seed("keys", str(FEW_KEYS))
    many.seed("keys", str(MANY_KEYS))
    bench.await_reload(few, many)
    figure = compare(bench, bench.gateway(), bench.gateway("grown"))
    many.seed("keys", str(FEW_KEYS))
    bench.await_reload(many)
    return {"growth_keys": figure}


def events(bench: Bench) -> Figures:
    """Many usage events (Effort.events) beside those of this run."""
    many = bench.installation("grown")
    many.seed("events", str(bench.effort.events))
    return {"growth_events": compare(bench, bench.gateway(), bench.gateway("grown"))}


def restart(bench: Bench) -> Figures:
    """After `events`: a start over all of those, and one over what a dead process left in the spool. Not pinned: a user's is not either."""
    many = bench.installation("grown")
    many.stop()
    over_events = many.start().answer_s
    many.stop()
    many.seed("spooled", str(SPOOLED))
    over_spool = many.start().answer_s
    bench.pin(many)
    return {"start_over_events_s": Figure(over_events), "start_over_spool_s": Figure(over_spool)}


def log_level(bench: Bench) -> Figures:
    """The default log level, a line a request, beside `warning`, which all other figures are taken with."""
    return {
        "log_info": compare(bench, bench.gateway(), bench.gateway("talkative", {"FREEAI_LOG_LEVEL": "info"}))
    }


def compare(bench: Bench, reference: Side, other: Side) -> Figure:
    """CPU per request of `other` over that of `reference`. Raises RuntimeError when requests fail."""
    for side in (reference, other):
        bench.warm_up(side, CONNECTIONS)
    pairs: list[tuple[float, float]] = []
    for turn in range(PAIRS_PER_ROUND * bench.effort.rounds):
        # Who goes first alternates: a machine that gets slower or faster favours neither.
        first, second = (reference, other) if turn % 2 == 0 else (other, reference)
        cost, next_cost = _cost_s(bench, first), _cost_s(bench, second)
        pairs.append((cost, next_cost) if first is reference else (next_cost, cost))
    return Figure(median_ratio(pairs))


def _cost_s(bench: Bench, side: Side) -> float:
    """CPU seconds per request."""
    window = bench.window(side, CONNECTIONS)
    if window.seen["errors"]:
        raise RuntimeError(f"{window.seen['errors']} errors, the first: {window.seen['first_error']}")
    return window.cpu_per_request_s
