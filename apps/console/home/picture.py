"""What the dashboard shows: how the pool does, how its requests did, and what somebody must do."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from msgspec import Struct

from apps.analytics.reports.reading import Filters, Reading, read
from apps.console.home.latest import Detour, detours
from apps.console.home.left import Left, Return, left_of, returns_of
from apps.console.home.problems import Problem, problems_of
from apps.console.pool import OFF, SERVING, Row, rows_of
from apps.console.traffic import plots
from apps.console.traffic.addresses import events_between
from apps.console.traffic.kept import kept
from apps.console.traffic.parts import Part, parts_of
from apps.console.traffic.shapes import Chart
from apps.console.traffic.tiles import Tile, tiles_of
from apps.console.traffic.times import SPANS, Asked, asked
from apps.core import clock

OFFERED: Final = ("hour", "day", "week")
USUAL: Final = "day"
PER: Final = {"hour": "in 5 minutes", "day": "an hour", "week": "in 6 hours"}
MOST_PARTS: Final = 8
BEFORE_S: Final = 60.0
"""So old may the time before be: it moves by the second, and hardly changes."""
HEAD_PX, ROW_PX, PROBLEM_PX, NOTHING_PX = 48, 52, 112, 210
"""How high the cards are: a head, a row of what is left, a problem, the card without any."""


class Sentence(Struct, frozen=True):
    """How the pool is, in one. `tone`: ok, warn, bad, or info where nothing can be said."""

    tone: str
    icon: str
    first: str
    then: str


class Traffic(Struct, frozen=True):
    """What became of the requests of a time."""

    asked: Asked
    tiles: Sequence[Tile]
    outcomes: Chart
    latency: Chart
    providers: Sequence[Part]
    clients: Sequence[Part]
    detours: Sequence[Detour]


class Picture(Struct, frozen=True):
    """All of the page."""

    sentence: Sentence
    left: Left
    returns: Sequence[Return]
    problems: Sequence[Problem]
    traffic: Traffic
    at: float

    @property
    def is_left_shorter(self) -> bool:
        """Whether what is left takes less of the page than what needs somebody, beside it: what comes back stands below the shorter one."""
        needs_px = HEAD_PX + PROBLEM_PX * len(self.problems) if self.problems else NOTHING_PX
        return 2 * HEAD_PX + ROW_PX * len(self.left.rows) <= needs_px


def picture_of(user: User, span: str, whose: int | None) -> Picture:
    """`whose`: the user whose requests are told of, None for all. The state store is looked at now; the ledger is read every few seconds
    at most."""
    span = span if span in OFFERED else USUAL
    rows = rows_of(user.pk)
    problems = problems_of(user, rows)
    traffic = kept(("dashboard", whose, span), lambda: _traffic(span, whose))
    return Picture(
        sentence_of(rows, problems), left_of(rows), returns_of(rows), problems, traffic, clock.now()
    )


def sentence_of(rows: Sequence[Row], problems: Sequence[Problem]) -> Sentence:
    """Of the accounts that are in use."""
    used = [row for row in rows if row.pill is not OFF]
    if not used:
        return Sentence(
            "info",
            "info",
            "Nothing but the sandbox answers.",
            "You have no provider key in use. Each answer of the sandbox says that it is one.",
        )
    if all(row.reading is None for row in used):
        return Sentence(
            "info", "info", "No gateway runs in this process.", "What is left of your keys is not known here."
        )
    serving = [row for row in used if row.pill is SERVING]
    if not serving:
        return Sentence(
            "bad", "badc", "Nothing serves.", "Requests get an error until one of your providers is back."
        )
    ending = [row for row in serving if row.outlook is not None and row.outlook.tone == "warn"]
    how_many = (
        f"{len(serving)} of {len(used)} providers take requests"
        if len(used) > 1
        else f"{used[0].name} takes requests"
    )
    lasts = (
        "and what is left lasts until it comes back"
        if not ending
        else f"and {ending[0].name} runs out first"
        if len(ending) == 1
        else f"and {len(ending)} of them run out before their quota comes back"
    )
    return Sentence(*_mark(problems), f"Serving. {how_many}, {lasts}.", _need(problems))


def _mark(problems: Sequence[Problem]) -> tuple[str, str]:
    return ("warn", "alert") if problems else ("ok", "okc")


def _need(problems: Sequence[Problem]) -> str:
    number = len(problems)
    if not number:
        return "Nothing needs you."
    need = "One thing needs you" if number == 1 else f"{number} things need you"
    if any(problem.stops for problem in problems):
        return f"{need}, and some requests get an error."
    return (
        f"{need}; {'it' if number == 1 else 'none of them'} stops {'no' if number == 1 else 'an'} answer now."
    )


def _traffic(span: str, whose: int | None) -> Traffic:
    now = datetime.fromtimestamp(ceil(clock.now()), UTC)
    time = asked({"span": span}, ZoneInfo("UTC"), now, USUAL)
    filters = Filters(user_id=whose)
    reading: Reading = read(time.window, filters)
    before = kept(("before", whose, span), lambda: read(time.before(), filters).whole.total, for_s=BEFORE_S)
    user = "" if whose is None else str(whose)
    urls = [events_between(start, end, user=user) for start, end in pairwise(reading.bounds)]
    return Traffic(
        time,
        tiles_of(reading.whole.total, before, reading.buckets),
        plots.outcomes(reading, PER[span], urls),
        plots.latency(reading, urls),
        parts_of(reading, "provider", MOST_PARTS),
        parts_of(reading, "client", MOST_PARTS),
        detours(whose),
    )


def choices() -> list[tuple[str, str]]:
    """Names and words of the windows."""
    return [(name, SPANS[name].short if name != "week" else "7 days") for name in OFFERED]
