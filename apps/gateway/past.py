"""What was used before: the state store is rebuilt from it. By the ledger, and by what dead processes left on its way there."""

from collections.abc import Iterable, Iterator
from itertools import chain

from apps.analytics import history
from apps.analytics.history import BucketUsage
from apps.core.state.contract import PastUsage
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
