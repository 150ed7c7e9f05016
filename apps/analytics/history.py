"""What was used before this process started, by the ledger: the in-process state store is rebuilt from it."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import Count, F, Max, Min, QuerySet, Sum
from msgspec import Struct, field

from apps.analytics.events import REFUSED
from apps.analytics.models import CarriedUsage, UsageEventRow
from apps.analytics.rollup.past import read_past
from apps.analytics.rollup.spans import DAY, start_of
from apps.analytics.rollup.spent import NOTHING, BucketUsage, summed
from apps.analytics.slices import slices


def usage_since(
    since: float,
    now: float,
    *,
    longer: Mapping[str, float] | None = None,
    metered: Collection[str] = (),
    cuts: Collection[float] = (),
    using: str = "default",
) -> Iterator[BucketUsage]:
    """Usage from `since` on, of the providers in `longer` from that earlier time on (UTC epoch seconds), latest first. `metered`: the
    providers of which it is told what else than requests and tokens was charged. No bucket reaches across one of the `cuts`.

    By minute for an hour, by half an hour for 25, by UTC day before that: from rollups where they tell of it, else by one query each, along
    the index of times. One query for all would sort a million rows by their groups, at ten times the price on SQLite (2026-11).
    Every attempt counts, refused connections too: a row does not tell whether its request reached the upstream. Only what a model that is
    gone refused does not, for upstreams do not count it.
    Raises DatabaseError.
    """
    longer = longer or {}
    all_rows = _attempts(using)
    earliest = max(min(since, *longer.values()), _oldest(all_rows, now)) if longer else since
    bounds = [datetime.fromtimestamp(cut, UTC) for cut in cuts if earliest < cut < now]
    wanted = list(slices(datetime.fromtimestamp(earliest, UTC), datetime.fromtimestamp(now, UTC), bounds))
    past = read_past(wanted, using)
    for start, end in wanted:
        is_old = end.timestamp() <= since
        told_of = {name for name, from_ in longer.items() if from_ < end.timestamp()}
        rolled = past.between(start, end)
        if rolled is None:
            rows = all_rows.filter(at__gte=start, at__lt=end)
            yield from summed(rows.filter(provider__in=told_of) if is_old else rows, metered=metered)
            continue
        for bucket in rolled:
            if not is_old or bucket.provider in told_of:
                yield bucket if bucket.provider in metered else bucket._replace(charged=NOTHING)


def carried(*, using: str = "default") -> Iterator[BucketUsage]:
    """What was used before the ledger begins. Raises DatabaseError."""
    for row in CarriedUsage.objects.using(using).iterator():
        yield BucketUsage(
            *(row.user_id, row.provider, row.model, row.until.timestamp()),
            *(row.requests, row.prompt_tokens, row.completion_tokens, row.charged),
        )


def _oldest(rows: QuerySet[UsageEventRow], now: float) -> float:
    """When the day of the first event began."""
    oldest: datetime | None = rows.aggregate(oldest=Min("at"))["oldest"]
    return now if oldest is None else start_of(DAY, oldest).timestamp()


class ClientUsage(Struct, frozen=True):
    """What client keys used. `requests`: by client and request id, UTC epoch seconds of the request's first attempt. `tokens`: by client
    and second."""

    requests: dict[tuple[int, str], float] = field(default_factory=dict)
    tokens: Counter[tuple[int, int]] = field(default_factory=Counter)

    def note(self, client_id: int, request_id: str, at: float, tokens: int) -> None:
        """An attempt."""
        self.requests.setdefault((client_id, request_id), at)
        if tokens:
            self.tokens[client_id, int(at)] += tokens

    def beside(self, earlier: "ClientUsage") -> "ClientUsage":
        """Both, where no attempt is in both; a request may be."""
        return ClientUsage(self.requests | earlier.requests, self.tokens + earlier.tokens)


class ClientTotal(NamedTuple):
    """`at`: UTC epoch seconds of the latest attempt."""

    client_id: int
    at: float
    requests: int
    tokens: int


def client_usage_since(since: float, *, using: str = "default") -> ClientUsage:
    """What client keys used from `since` on, whatever became of it: for a minute or so, since every row is read. Raises DatabaseError."""
    rows = (
        _of_clients(since, using)
        .order_by("at")
        .values_list("client_id", "request_id", "at", F("prompt_tokens") + F("completion_tokens"))
    )
    usage = ClientUsage()
    for client_id, request_id, at, tokens in rows.iterator():
        usage.note(client_id, request_id, at.timestamp(), tokens)
    return usage


def client_totals_since(since: float, *, using: str = "default") -> Iterator[ClientTotal]:
    """The same in one sum a key, for longer times. Raises DatabaseError."""
    rows = (
        _of_clients(since, using)
        .values_list("client_id")
        .annotate(
            latest=Max("at"),
            requests=Count("request_id", distinct=True),
            tokens=Sum(F("prompt_tokens") + F("completion_tokens")),
        )
    )
    for client_id, latest, requests, tokens in rows.iterator():
        yield ClientTotal(client_id, latest.timestamp(), requests, int(tokens))


def _attempts(using: str) -> QuerySet[UsageEventRow]:
    return UsageEventRow.objects.using(using).exclude(outcome=REFUSED).order_by()


def _of_clients(since: float, using: str) -> QuerySet[UsageEventRow]:
    return _attempts(using).filter(at__gte=datetime.fromtimestamp(since, UTC), client_id__isnull=False)
