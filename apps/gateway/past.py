"""What was used before, by the ledger: the state store is rebuilt from it."""

from asgiref.sync import sync_to_async

from apps.analytics import history
from apps.core.state.contract import PastUsage
from apps.core.state.windows import counts_since
from apps.providers import offers


async def read(now: float) -> list[PastUsage]:
    """As `usage`, off the event loop."""
    return await sync_to_async(usage)(now)


def usage(now: float) -> list[PastUsage]:
    """The usage that some window still counts, charged to the windows of the offers that are there. Raises DatabaseError."""
    windows = {
        (offer.user_id, offer.provider, offer.model): offer.subject.windows
        for offer in offers.CATALOGUE.value.all_offers()
    }
    kinds = {(one.period, one.zone, one.rolling): one for each in windows.values() for one in each}
    since = min((counts_since(window, now) for window in kinds.values()), default=now)
    return [
        PastUsage(windows[key], bucket.at, bucket.amounts)
        for bucket in history.usage_since(since, now)
        if (key := (bucket.user_id, bucket.provider, bucket.model)) in windows
    ]
