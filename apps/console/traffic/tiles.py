"""The six figures of a time: requests, what share was answered, fallbacks, latency, tokens, what was saved. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import NOTHING, Measures
from apps.console import words
from apps.console.traffic.shapes import Value, spark

LEAST: Final = 5
"""Requests of the time before: what is less says nothing."""
STEADY: Final = 0.005
"""A smaller change than that is none."""
TIMES: Final = 10
"""From so many times as much on, a change is told as a factor."""


class Change(Struct, frozen=True):
    """Against the time before. `is_up` None: nothing changed. `tone`: whether that is well, "" where it is neither."""

    word: str
    is_up: bool | None = None
    tone: str = ""


class Tile(Struct, frozen=True, kw_only=True):
    """A figure. `path`: its course, as `shapes.spark` draws it; `query`: which usage events of the time it is about, "" for all."""

    name: str
    value: str
    unit: str
    detail: str
    change: Change | None = None
    path: str = ""
    query: str = ""


def tiles_of(now: Measures, before: Measures | None, buckets: Sequence[Measures]) -> list[Tile]:
    """`before`: of the time before; None where nobody compares."""
    then = before if before is not None and before.requests >= LEAST else NOTHING
    return [*_of_requests(now, then, buckets), _latency(now, then, buckets), *_amounts(now, then, buckets)]


def _of_requests(now: Measures, then: Measures, buckets: Sequence[Measures]) -> list[Tile]:
    failed = now.requests - now.successes - now.cancellations
    return [
        _split(
            "Requests",
            words.short(now.requests),
            detail=f"{words.short(now.attempts)} attempt{'' if now.attempts == 1 else 's'} upstream",
            change=_change(now.requests, then.requests),
            path=spark([float(each.requests) for each in buckets]),
        ),
        Tile(
            name="Answered",
            **_percent(answered(now)),
            detail=f"{words.count(failed)} of {words.count(now.requests)} failed" if now.requests else "",
            change=_points(answered(now), answered(then), up_is_well=True),
            path=spark([answered(each) for each in buckets]),
            query="failed=1",
        ),
        Tile(
            name="Fallbacks",
            **_percent(_fallbacks(now)),
            detail=f"{words.count(now.rescues)} rescued by another",
            change=_points(_fallbacks(now), _fallbacks(then), up_is_well=False),
            path=spark([_fallbacks(each) for each in buckets]),
            query="fell_back=1",
        ),
    ]


def _latency(now: Measures, then: Measures, buckets: Sequence[Measures]) -> Tile:
    p50, p95 = sketch.percentiles(now.latency, (50, 95))
    (first,) = sketch.percentiles(now.ttfb, (50,))
    return _split(
        "Latency p95",
        words.duration(p95),
        detail=f"p50 {words.duration(p50)} · first {words.duration(first)}",
        change=_change(p95, _p95(then), up_is_well=False),
        path=spark([_p95(each) for each in buckets]),
        query="slow=1",
    )


def _amounts(now: Measures, then: Measures, buckets: Sequence[Measures]) -> list[Tile]:
    return [
        _split(
            "Tokens",
            words.short(_tokens(now)),
            detail=f"{words.short(now.prompt_tokens)} in · {words.short(now.completion_tokens)} out",
            change=_change(_tokens(now), _tokens(then)),
            path=spark([float(_tokens(each)) for each in buckets]),
        ),
        Tile(
            name="Saved",
            value=_money(now, now.saved_microusd, now.saved_unknown),
            unit="",
            detail=f"{_money(now, now.cost_microusd, now.cost_unknown)} spent",
            change=_change(now.saved_microusd, then.saved_microusd),
            path=spark([float(each.saved_microusd) for each in buckets]),
        ),
    ]


def answered(of: Measures) -> float | None:
    """In per cent, of the requests whose client waited for the end."""
    return _share(of.successes, of.requests - of.cancellations)


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _fallbacks(of: Measures) -> float | None:
    return _share(of.fallbacks, of.requests)


def _p95(of: Measures) -> float | None:
    return next(sketch.percentiles(of.latency, (95,)))


def _tokens(of: Measures) -> int:
    return of.prompt_tokens + of.completion_tokens


def _money(of: Measures, microusd: int, unknown: int) -> str:
    return words.UNKNOWN if of.attempts and unknown == of.attempts else words.price(microusd)


def _percent(value: float | None) -> dict[str, str]:
    return {"value": words.UNKNOWN, "unit": ""} if value is None else {"value": percent(value), "unit": "%"}


def percent(value: float) -> str:
    """99.7: to one digit, and never 100.0 of what is less."""
    return f"{min(value, 99.9) if value < 100 else value:.1f}"  # noqa: PLR2004 - per cent


def _split(name: str, text: str, *, detail: str, change: Change | None, path: str, query: str = "") -> Tile:
    value, _, unit = text.partition(" ")
    return Tile(name=name, value=value, unit=unit, detail=detail, change=change, path=path, query=query)


def _change(now: Value, before: Value, *, up_is_well: bool | None = None) -> Change | None:
    if not before or now is None:
        return None
    share = now / before - 1
    if abs(share) < STEADY:
        return Change("as before")
    is_up = share > 0
    word = f"{now / before:,.0f} ×" if share >= TIMES else f"{abs(100 * share):,.0f} %"
    return Change(word, is_up, _tone(is_up, up_is_well))


def _points(now: Value, before: Value, *, up_is_well: bool) -> Change | None:
    if now is None or before is None:
        return None
    points = now - before
    if abs(points) < 0.05:  # noqa: PLR2004 - what is rounded away
        return Change("as before")
    return Change(f"{abs(points):.1f} points", points > 0, _tone(points > 0, up_is_well))


def _tone(is_up: bool, up_is_well: bool | None) -> str:
    if up_is_well is None:
        return ""
    return "ok" if is_up is up_is_well else "warn"
