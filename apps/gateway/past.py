"""What was used before, by the ledger: the state store is rebuilt from it."""

from collections.abc import Iterator

from asgiref.sync import sync_to_async

from apps.analytics import history
from apps.clients.keys import CLIENTS
from apps.clients.limits import ONE_REQUEST
from apps.core.state.contract import PastUsage
from apps.core.state.windows import counts_since
from apps.providers import offers


async def read(now: float) -> list[PastUsage]:
    """As `usage`, off the event loop."""
    return await sync_to_async(usage)(now)


def usage(now: float) -> list[PastUsage]:
    """The usage that some window still counts, charged to the windows of the offers and client keys that are there. Raises
    DatabaseError."""
    return [*_provider_usage(now), *_client_usage(now)]


def _provider_usage(now: float) -> Iterator[PastUsage]:
    windows = {
        (offer.user_id, offer.provider, offer.model): offer.subject.windows
        for offer in offers.CATALOGUE.value.all_offers()
    }
    kinds = {(one.period, one.zone, one.rolling): one for each in windows.values() for one in each}
    since = min((counts_since(window, now) for window in kinds.values()), default=now)
    for bucket in history.usage_since(since, now):
        if (key := (bucket.user_id, bucket.provider, bucket.model)) in windows:
            yield PastUsage(windows[key], bucket.at, bucket.amounts)


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
