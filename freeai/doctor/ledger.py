"""Whether all that counts usage agrees: reservations, attempts, usage events, rollups and metrics.

Everything is read beside a gateway that serves. So what is counted later is read later too, and a difference counts only where no order of
what happened meanwhile explains it: metrics, then spool, then database, then metrics again.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Q, QuerySet

from apps.analytics.events import REFUSED
from apps.analytics.models import UsageEventRow
from freeai.doctor import rolled
from freeai.doctor.findings import Finding, error, note, ok, warning
from freeai.doctor.metered import Meter, label_of, read_meter
from freeai.doctor.running import moment
from freeai.doctor.spooled import spooled
from freeai.refusals import sentence

Found = tuple[str, Finding]
SHOWN: Final = 5
MOST_ODD: Final = 500
SETTLE_S: Final = 0.5
"""An attempt is in the spool a moment before it is in the metrics."""
TRIES: Final = 6
A_FAULT: Final = "A fault of FreeAI's: report it with the log of that time."


def compare(days: int) -> Iterator[Found]:
    """Differences of the last `days` days, and what agrees."""
    since = moment() - timedelta(days=days)
    try:
        yield from _named("requests", _requests(since))
        yield from _named("reservations", _reservations())
        yield from _named("attempts", _attempts(read_meter()))
        for day in rolled.days(since):
            yield from _named("rollups", rolled.compared(day))
    except (DatabaseError, InterfaceError) as failure:
        yield "database", error(sentence(failure) or type(failure).__name__, "See the sentence.")


def _named(name: str, findings: Iterator[Finding]) -> Iterator[Found]:
    return ((name, finding) for finding in findings)


def _requests(since: datetime) -> Iterator[Finding]:
    """Each request has exactly one attempt that is its last."""
    rows = UsageEventRow.objects.filter(at__gte=since).exclude(request_uuid=None)
    odd = _without_one_last(rows)
    for _ in range(TRIES):
        # Those under way have it in the spool, where a segment may have gone while it was read: once seen there is enough.
        underway = spooled(settings.FREEAI_SPOOL_DIR).requests
        odd = {each for each in odd if each.hex not in underway}
        if odd:
            odd = _without_one_last(rows.filter(request_uuid__in=sorted(odd)[:MOST_ODD]))
        if not odd:
            yield ok(f"Each of the requests since {since:%Y-%m-%d %H:%M} UTC ended with one attempt.")
            return
        sleep(SETTLE_S)
    for each in sorted(odd)[:SHOWN]:
        yield error(
            f"The request {each} has not exactly one attempt that is its last: it is counted wrongly.",
            A_FAULT,
        )
    if len(odd) > SHOWN:
        yield note(f"{len(odd) - SHOWN} more requests are so, or still more.")


def _without_one_last(rows: QuerySet[UsageEventRow]) -> set[UUID]:
    last = Count("pk", filter=Q(is_last=True))
    found = rows.order_by().values("request_uuid").annotate(last=last).exclude(last=1)
    return {each for each in found.values_list("request_uuid", flat=True) if each is not None}


def _reservations() -> Iterator[Finding]:
    """What holds a reservation has begun in the spool, and is open in the process."""
    for left in reversed(range(TRIES)):
        before = read_meter()
        waiting = spooled(settings.FREEAI_SPOOL_DIR)
        after = read_meter()
        if before is None or after is None:
            yield note("No gateway answers here: reservations live in its memory, and cannot be compared.")
            break
        # Between the two looks at the metrics so many began or ended; what is ending is in the spool before it is counted.
        moved = after.total() - before.total() + abs(after.open - before.open) + after.in_flight
        if abs(waiting.open_here - before.open) <= moved:
            yield ok(f"{waiting.open_here} attempts hold a reservation.")
            break
        if left:  # a segment may have gone while it was read
            sleep(SETTLE_S)
            continue
        yield error(
            f"{waiting.open_here} attempts are open in the spool, {before.open} in the gateway.", A_FAULT
        )
    if waiting.open_dead:
        yield note(
            f"{waiting.open_dead} attempts were cut off by the end of their process. What they had reserved stays charged.",
            "The next start, or the next minute of a gateway that runs, writes them.",
        )


def _attempts(before: Meter | None) -> Iterator[Finding]:
    """What the metrics counted since the gateway's start is in the ledger, and nothing else is."""
    if before is None:
        yield note("No gateway answers here: its metrics cannot be compared with the ledger.")
        return
    counted, tokens = _since(before.started)
    after = _once_settled(before, counted)
    if after.started != before.started:
        yield note("The gateway was started anew meanwhile: compare again.")
        return
    if missing := after.lost + after.refused:
        yield warning(
            f"{after.lost} usage events were lost, and {after.refused} refused by the database, since the gateway's start.",
            "See freeai_usage_events_lost_total in docs/OPERATIONS.md § 4.",
        )
    wrong = [
        f"{' '.join(label)}: {counted[label]} attempts in the ledger, {before.calls[label]} to {after.calls[label]} in the metrics."
        for label in sorted(counted.keys() | before.calls.keys())
        if not before.calls[label] - missing <= counted[label] <= after.calls[label]
    ]
    wrong += [
        f"{kind} tokens: {tokens[kind]} in the ledger, {before.tokens[kind]} to {after.tokens[kind]} in the metrics."
        for kind in ("prompt", "completion")
        if not missing and not before.tokens[kind] <= tokens[kind] <= after.tokens[kind]
    ]
    for sentence_ in wrong:
        yield error(sentence_, A_FAULT)
    if not wrong:
        yield ok(f"{counted.total()} attempts since the gateway's start, in the ledger as in the metrics.")


def _once_settled(before: Meter, counted: Counter[tuple[str, str]]) -> Meter:
    """A later look at the metrics: once they have what the ledger has, or never will."""
    after = before
    for _ in range(TRIES):
        after = read_meter() or after
        if all(after.calls[label] >= count for label, count in counted.items()):
            break
        sleep(SETTLE_S)
    return after


def _since(started: float) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Attempts that ended, by the labels of the metrics, and their tokens: of the spool first, so that none is missed on its way. Raises
    DatabaseError."""
    waiting = {one.id: one for one in spooled(settings.FREEAI_SPOOL_DIR).ended.values() if one.at >= started}
    columns = ("id", "provider", "outcome", "error_kind", "prompt_tokens", "completion_tokens")
    rows = UsageEventRow.objects.filter(at__gte=datetime.fromtimestamp(started, UTC)).order_by()
    counted: Counter[tuple[str, str]] = Counter()
    tokens: Counter[str] = Counter()
    for pk, provider, outcome, kind, prompt, completion in rows.values_list(*columns).iterator(
        chunk_size=5000
    ):
        waiting.pop(pk.hex, None)
        _count(counted, tokens, (provider, outcome, kind), (prompt, completion))
    for one in waiting.values():
        _count(
            counted,
            tokens,
            (one.provider, one.outcome, one.error_kind),
            (one.prompt_tokens, one.completion_tokens),
        )
    return counted, tokens


def _count(
    counted: Counter[tuple[str, str]], tokens: Counter[str], what: tuple[str, str, str], used: tuple[int, int]
) -> None:
    provider, outcome, kind = what
    if outcome in (REFUSED, "interrupted"):  # no attempt; and one of a process that is gone
        return
    counted[label_of(provider), label_of("success" if outcome == "success" else kind or outcome)] += 1
    tokens["prompt"] += used[0]
    tokens["completion"] += used[1]
