"""What was used before: the state store is rebuilt from it. By the ledger, and by what dead processes left on its way there."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import inf

from apps.analytics import history
from apps.analytics.history import ClientUsage
from apps.analytics.rollup.spent import BucketUsage
from apps.analytics.writer import Writer
from apps.clients.keys import CLIENTS
from apps.clients.limits import ONE_REQUEST
from apps.clients.windows import CLIENT_TOKENS, REQUESTS
from apps.core.state.contract import Kind, PastUsage, Window
from apps.core.state.windows import counts_since
from apps.providers import charges, offers

DAY_S = (
    25 * 3600.0
)  # day windows of every account, whether anything limits them or not: the longest day has 25 hours

SECONDS_END = (
    0.999  # what is told by the second counts from its end: a window counts too much of it, never too little
)


def usage(writer: Writer, now: float) -> Iterator[PastUsage]:
    """The usage that some window may still count, charged to the windows that it counts in, by the ledger and by what dead processes left
    to `writer`. Raises DatabaseError."""
    keys = {record.client_id: record.windows for record in CLIENTS.value.by_digest.values() if record.windows}
    since = min((counts_since(window, now) for each in keys.values() for window in each), default=inf)
    left, used = writer.look(since)
    yield from of_providers(left, now)
    yield from of_clients(used, keys, now)


def of_providers(left: Iterable[BucketUsage], now: float) -> Iterator[PastUsage]:
    """`left`: usage that is not in the ledger yet. Longer windows than a day's are few, and so are the providers that have one: only
    their older rows are read."""
    charged = charges.load(offers.CATALOGUE.value)
    day_ago = now - DAY_S
    longer = {provider: since for provider, since in charged.since(now).items() if since < day_ago}
    used = history.usage_since(
        day_ago, now, longer=longer, metered=charged.metered(), cuts=charged.boundaries(now)
    )
    for bucket in chain(left, used):
        if windows := charged.windows(bucket.user_id, bucket.provider, bucket.model):
            yield PastUsage(windows, bucket.at, bucket.amounts)
    if 0.0 in longer.values():
        for bucket in history.carried():
            if windows := charged.endless(bucket.user_id, bucket.provider, bucket.model):
                yield PastUsage(windows, bucket.at, bucket.amounts)


def of_clients(left: ClientUsage, keys: Mapping[int, tuple[Window, ...]], now: float) -> Iterator[PastUsage]:
    """What client keys used, by the ledger and by what is `left` beside it; only requests that came as far as an attempt have left a
    trace. Of a minute every attempt is read, of a day the sum."""
    minutes, days = _of_kind(keys, "rolling"), _of_kind(keys, "fixed")
    if minutes:
        used = left.beside(history.client_usage_since(_earliest(minutes, now)))
        yield from _each(used, minutes)
    if days:
        yield from _each(left, days)
        for total in history.client_totals_since(_earliest(days, now)):
            if windows := days.get(total.client_id):
                yield PastUsage(windows, total.at, {REQUESTS: total.requests, CLIENT_TOKENS: total.tokens})


def _each(used: ClientUsage, keys: Mapping[int, tuple[Window, ...]]) -> Iterator[PastUsage]:
    for (client_id, _), at in used.requests.items():
        if windows := keys.get(client_id):
            yield PastUsage(windows, at, ONE_REQUEST)
    for (client_id, second), tokens in used.tokens.items():
        if windows := keys.get(client_id):
            yield PastUsage(windows, second + SECONDS_END, {CLIENT_TOKENS: tokens})


def _of_kind(keys: Mapping[int, tuple[Window, ...]], kind: Kind) -> dict[int, tuple[Window, ...]]:
    chosen = {pk: tuple(window for window in windows if window.kind == kind) for pk, windows in keys.items()}
    return {pk: windows for pk, windows in chosen.items() if windows}


def _earliest(keys: Mapping[int, tuple[Window, ...]], now: float) -> float:
    return min(counts_since(window, now) for windows in keys.values() for window in windows)
