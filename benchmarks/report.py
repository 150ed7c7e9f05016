"""The figures and their budgets (docs/PERFORMANCE.md), as a table and as JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.stats import ratio

HEAD = ("", "measured", "floor", "ratio", "budget", "met?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a figure may be: `most` or `times_floor` times the floor's, whichever is kinder; or at `least`."""

    most: float | None = None
    times_floor: float | None = None
    least: float | None = None

    def met(self, measured: float, floor: float | None) -> bool:
        """NaN meets nothing."""
        if self.least is not None:
            return measured >= self.least
        limits = [self.most] if self.most is not None else []
        if self.times_floor is not None and floor is not None:
            limits.append(self.times_floor * floor)
        return bool(limits) and measured <= max(limits)

    def __str__(self) -> str:
        if self.least is not None:
            return f">= {self.least:g}"
        parts = [f"<= {self.most:g}"] if self.most is not None else []
        if self.times_floor is not None:
            parts.append(f"<= {self.times_floor:g} x floor")
        return " or ".join(parts)


@dataclass(frozen=True, slots=True)
class Spec:
    """How a figure is called, and what it may be."""

    label: str
    budget: Budget | None = None


SPECS = {
    "first_start_live_s": Spec("first start to /livez, s"),
    "first_start_answer_s": Spec("first start to first answer, s", Budget(most=2.5)),
    "start_answer_s": Spec("later start to first answer, s", Budget(most=2.5)),
    "idle_web_mib": Spec("idle memory of the web process, MiB", Budget(most=120)),
    "idle_tree_rss_mib": Spec("idle memory with all children, MiB", Budget(most=160)),
    "idle_tree_mib": Spec("idle memory with all children, proportional (PSS), MiB", Budget(most=110)),
    "slow_wall_s": Spec("slow streams: wall, s (ideal 5)", Budget(most=5.3)),
    "slow_errors": Spec("slow streams: incomplete", Budget(most=0)),
    "slow_cpu_s": Spec("slow streams: CPU of 500, s", Budget(most=3.5)),
    "slow_kb_each": Spec("slow streams: peak kB each above idle", Budget(most=150)),
    "crowd_errors": Spec("2,000 slow streams: incomplete", Budget(most=0)),
    "crowd_kb_each": Spec("2,000 slow streams: peak kB each above idle", Budget(most=40)),
    "cpu_ms": Spec("CPU per request at 64 connections, ms", Budget(times_floor=1.35)),
    "agent_ms": Spec("CPU per turn of an agent, 40 kB, ms"),
    "stall_1_ms": Spec("slowest /livez beside bodies of 1 MB, ms", Budget(most=50)),
    "stall_most_ms": Spec("slowest /livez beside the largest bodies, ms", Budget(most=150)),
    "rate_1": Spec("requests/s, 1 connection"),
    "rate_16": Spec("requests/s, 16 connections"),
    "rate_64": Spec("requests/s, 64 connections"),
    "rate_256": Spec("requests/s, 256 connections"),
    "errors": Spec("errors at 1 to 256 connections", Budget(most=0)),
    "collapse": Spec("rate at 256 / rate at 64", Budget(least=0.95)),
    "recovery_s": Spec("recovered after 256 connections, s", Budget(most=0.2)),
    "added_p50_ms": Spec("added latency, one at a time, p50, ms", Budget(times_floor=1.5)),
    "added_p99_ms": Spec("added latency, one at a time, p99, ms", Budget(times_floor=1.5)),
    "added_first_ms": Spec("added to the first frame, p50, ms", Budget(times_floor=1.5)),
    "frame_us": Spec("CPU per frame, us (floor: fields injected)", Budget(times_floor=1.2)),
    "frame_raw_us": Spec("CPU per frame, us (floor: raw relay)", Budget(most=16, times_floor=2)),
    "growth_candidates": Spec("CPU, 400 candidates / 5", Budget(most=1.15)),
    "growth_keys": Spec("CPU, 100,000 client keys / 100", Budget(most=1.03)),
    "growth_events": Spec("CPU, many usage events / few", Budget(most=1.03)),
    "start_over_events_s": Spec("start over many usage events, s", Budget(most=2.5)),
    "start_over_spool_s": Spec("start over 300,000 spooled events, s", Budget(most=2.5)),
    "writing_rate": Spec("usage events/s into PostgreSQL beside requests", Budget(least=1_950)),
    "writing_lag_s": Spec("their longest wait for the database, s", Budget(most=2.0)),
    "writing_lost": Spec("events lost", Budget(most=0)),
    "writing_p50": Spec("latency beside them / without, p50", Budget(most=1.25)),
    "writing_p99": Spec("latency beside them / without, p99"),
    "pages_looked_at": Spec("kinds of admin pages over that ledger", Budget(least=30)),
    "slowest_page_ms": Spec("the slowest of them, ms", Budget(most=500)),
    "start_over_ledger_s": Spec("start over a ledger of 90 days, PostgreSQL, s", Budget(most=2.5)),
    "analytics_day_ms": Spec("analytics of a day there, ms", Budget(most=300)),
    "analytics_week_ms": Spec("analytics of a week there, ms", Budget(most=800)),
    "analytics_90_ms": Spec("analytics of 90 days there, ms", Budget(most=100)),
    "analytics_730_ms": Spec("analytics of 730 days there, ms", Budget(most=100)),
    "analytics_scanned": Spec("events they read without an index", Budget(most=0)),
    "analytics_sqlite_ms": Spec("the slowest of them, a tenth of the events, SQLite, ms", Budget(most=1000)),
    "redis_mode": Spec("CPU, counted in Redis / in the process", Budget(most=1.6)),
    "beside_freeai_ms": Spec("beside peers: CPU per request at 16 connections, FreeAI, ms"),
    "beside_nginx_ms": Spec("... nginx"),
    "beside_litellm_ms": Spec("... LiteLLM"),
    "beside_freeai_frame_us": Spec("beside peers: CPU per frame, FreeAI, us"),
    "beside_nginx_frame_us": Spec("... nginx"),
    "beside_litellm_frame_us": Spec("... LiteLLM"),
    "log_info": Spec("CPU, log level info / warning"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured; `floor` is the same figure of the floor proxy."""

    measured: float
    floor: float | None = None


Figures = Mapping[str, Figure]


def table(figures: Figures) -> str:
    """The figures as text, in the order of SPECS."""
    rows = [HEAD, *[_row(SPECS[key], figures[key]) for key in SPECS if key in figures]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures with budget and verdict; what is not finite becomes null."""
    return {key: _json_row(SPECS[key], figures[key]) for key in SPECS if key in figures}


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    first, *middle, budget, met = row
    cells = [first.ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(middle, widths[1:], strict=False)]
    return "  ".join([*cells, budget.ljust(widths[-2]), met.ljust(widths[-1])])


def _row(spec: Spec, figure: Figure) -> tuple[str, ...]:
    floor = "" if figure.floor is None else _number(figure.floor)
    against = ratio(figure.measured, figure.floor)
    return (
        spec.label,
        _number(figure.measured),
        floor,
        "" if math.isnan(against) else f"{against:.2f}",
        "" if spec.budget is None else str(spec.budget),
        _verdict(spec, figure),
    )


def _verdict(spec: Spec, figure: Figure) -> str:
    if spec.budget is None:
        return ""
    return "yes" if spec.budget.met(figure.measured, figure.floor) else "NO"


def _number(value: float) -> str:
    """Three significant digits, whole from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:.3g}"


def _json_row(spec: Spec, figure: Figure) -> dict[str, Any]:
    return {
        "label": spec.label,
        "measured": figure.measured if math.isfinite(figure.measured) else None,
        "floor": figure.floor,
        "budget": None if spec.budget is None else str(spec.budget),
        "met": None if spec.budget is None else spec.budget.met(figure.measured, figure.floor),
    }
