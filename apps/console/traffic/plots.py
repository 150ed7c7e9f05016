"""The charts of a reading of the ledger. Pure."""

from collections.abc import Sequence
from typing import Final

from apps.analytics.reports.reading import Reading
from apps.analytics.rollup import sketch
from apps.analytics.rollup.measures import Measures
from apps.console import words
from apps.console.traffic.shapes import Chart, Frame, Series, Value, bars, lines

SECOND_MS: Final = 1_000
DOLLAR: Final = 1_000_000


def outcomes(reading: Reading, per: str, urls: Sequence[str] = ()) -> Chart:
    """Requests by how they ended. `per`: an hour, a day."""
    total = reading.whole.total
    summary = (
        f"{words.count(total.successes - total.rescues)} answered by the first provider, {words.count(total.rescues)} after a fallback, "
        f"{words.count(_failed(total))} failed"
    )
    return bars(
        _frame(reading, f"Requests {per}, by outcome", summary, urls),
        [
            Series("first provider", "s1", [each.successes - each.rescues for each in reading.buckets]),
            Series("after a fallback", "sw", [each.rescues for each in reading.buckets]),
            Series("failed", "sr", [_failed(each) for each in reading.buckets]),
        ],
    )


def latency(reading: Reading, urls: Sequence[str] = (), percents: Sequence[int] = (95, 50)) -> Chart:
    """Percentiles of whole answers."""
    found = [tuple(sketch.percentiles(each.latency, percents)) for each in reading.buckets]
    styles = {99: "dash", 95: "", 50: "q"}
    frame = Frame(
        title="Latency",
        summary="How long attempts took that were answered",
        starts=reading.bounds[:-1],
        told=words.duration,
        tick=_ms,
        urls=urls,
    )
    return lines(
        frame,
        [
            Series(f"p{percent}", styles[percent], [one[place] for one in found])
            for place, percent in enumerate(percents)
        ],
    )


def saved(reading: Reading, per: str, urls: Sequence[str] = ()) -> Chart:
    """What the same tokens would have cost by list price."""
    frame = Frame(
        title=f"Saved {per}",
        summary=f"{words.price(reading.whole.total.saved_microusd)} in all, by list price",
        starts=reading.bounds[:-1],
        told=lambda value: words.price(None if value is None else round(value)),
        tick=_dollars,
        urls=urls,
    )
    return bars(frame, [Series("saved", "s1", [float(each.saved_microusd) for each in reading.buckets])])


def tokens(reading: Reading, per: str, urls: Sequence[str] = ()) -> Chart:
    """In and out."""
    total = reading.whole.total
    summary = f"{words.short(total.prompt_tokens)} in, {words.short(total.completion_tokens)} out"
    return bars(
        _frame(reading, f"Tokens {per}", summary, urls),
        [
            Series("in", "s2", [each.prompt_tokens for each in reading.buckets]),
            Series("out", "s1", [each.completion_tokens for each in reading.buckets]),
        ],
    )


def _frame(reading: Reading, title: str, summary: str, urls: Sequence[str]) -> Frame:
    return Frame(
        title=title,
        summary=summary,
        starts=reading.bounds[:-1],
        told=words.short,
        tick=_number,
        urls=urls,
        is_whole=True,
    )


def _failed(of: Measures) -> int:
    return of.requests - of.successes - of.cancellations


def _number(value: Value) -> str:
    """1,500; 2.5 k; 0.25 where a chart has nothing but ones."""
    return words.short(value) if value is None or value == int(value) else f"{value:g}"


def _ms(value: Value) -> str:
    if not value:
        return "0"
    return f"{value:g} ms" if value < SECOND_MS else f"{value / SECOND_MS:g} s"


def _dollars(value: Value) -> str:
    dollars = (value or 0.0) / DOLLAR
    return f"${dollars:,.0f}" if dollars == int(dollars) else f"${dollars:.2f}"
