"""What was used before: the state store is rebuilt from it. By the ledger, and by what dead processes left on its way there."""

from collections.abc import Iterable, Iterator
from itertools import chain

from apps.analytics import history
from apps.analytics.history import BucketUsage
from apps.clients.keys import CLIENTS
from apps.clients.limits import ONE_REQUEST
from apps.core.state.contract import PastUsage
from apps.core.state.windows import counts_since
from apps.providers import charges, offers

DAY_S = (
    25 * 3600.0
)  # day windows of every account, whether anything limits them or not: the longest day has 25 hours


def usage(left: Iterable[BucketUsage], now: float) -> Iterator[PastUsage]:
    """The usage that some window may still count, charged to the windows that it counts in. Raises DatabaseError.

    `left`: usage that is not in the ledger yet. Longer windows than a day's are few, and so are the providers that have one: only
    their older rows are read.
    """
    charged = charges.load(offers.CATALOGUE.value)
    day_ago = now - DAY_S
    longer = {provider: since for provider, since in charged.since(now).items() if since < day_ago}
    for bucket in chain(left, history.usage_since(day_ago, now, longer=longer)):
        if windows := charged.windows(bucket.user_id, bucket.provider, bucket.model):
            yield PastUsage(windows, bucket.at, bucket.amounts)
    yield from _client_usage(now)


def _client_usage(now: float) -> Iterator[PastUsage]:
    """What client keys have sent. Only requests that came as far as an attempt have left a trace."""
    windows = {
        record.client_id: record.windows for record in CLIENTS.value.by_digest.values() if record.windows
    }
    since = min((counts_since(one, now) for each in windows.values() for one in each), default=now)
    if windows:
        for client_id, at in history.client_requests_since(since):
            if client_id in windows:
                yield PastUsage(windows[client_id], at, ONE_REQUEST)
