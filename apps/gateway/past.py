"""What was used before: the state store is rebuilt from it. By the ledger, and by what dead processes left on its way there."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import inf

from apps.analytics import history
from apps.analytics.history import BucketUsage, ClientRequests
from apps.analytics.writer import Writer
from apps.clients.keys import CLIENTS
from apps.clients.limits import ONE_REQUEST
from apps.core.state.contract import PastUsage, Window
from apps.core.state.windows import counts_since
from apps.providers import charges, offers

DAY_S = (
    25 * 3600.0
)  # day windows of every account, whether anything limits them or not: the longest day has 25 hours


def usage(writer: Writer, now: float) -> Iterator[PastUsage]:
    """The usage that some window may still count, charged to the windows that it counts in, by the ledger and by what dead processes left
    to `writer`. Raises DatabaseError."""
    keys = {record.client_id: record.windows for record in CLIENTS.value.by_digest.values() if record.windows}
    since = min((counts_since(window, now) for each in keys.values() for window in each), default=inf)
    left, sent = writer.look(since)
    yield from of_providers(left, now)
    if keys:
        yield from of_clients(history.client_requests_since(since) | sent, keys)


def of_providers(left: Iterable[BucketUsage], now: float) -> Iterator[PastUsage]:
    """`left`: usage that is not in the ledger yet. Longer windows than a day's are few, and so are the providers that have one: only
    their older rows are read."""
    charged = charges.load(offers.CATALOGUE.value)
    day_ago = now - DAY_S
    longer = {provider: since for provider, since in charged.since(now).items() if since < day_ago}
    for bucket in chain(left, history.usage_since(day_ago, now, longer=longer)):
        if windows := charged.windows(bucket.user_id, bucket.provider, bucket.model):
            yield PastUsage(windows, bucket.at, bucket.amounts)


def of_clients(sent: ClientRequests, keys: Mapping[int, tuple[Window, ...]]) -> Iterator[PastUsage]:
    """What client keys have sent. Only requests that came as far as an attempt have left a trace."""
    for (client_id, _), at in sent.items():
        if client_id in keys:
            yield PastUsage(keys[client_id], at, ONE_REQUEST)
