"""Which accounts will have nothing left before their day is over."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from apps.core import clock
from apps.core.state.contract import Window
from apps.core.state.keys import CONCURRENCY
from apps.core.state.periods import bounds
from apps.gateway.outlook.quotas import bound_at, outlook, read
from apps.gateway.runtime import Runtime
from apps.providers.offers import CATALOGUE
from apps.providers.outlook import Overall, Quota, overall

DAY: Final = "day"


class Ending(Struct, frozen=True, kw_only=True):
    """A day of one account that ends early, by `quota`, with the last `model` where only models are counted. `day`: the date on which
    the window began, in its zone; of one that covers the last day, today's in UTC."""

    user_id: int
    provider: str
    model: str
    day: date
    quota: Quota

    @property
    def over_at(self) -> float:
        """When there is more again, UTC epoch seconds."""
        reading = self.quota.reading
        return reading.resets_at or reading.free_at


async def endings(runtime: Runtime) -> list[Ending]:
    """Of all users, as of now."""
    catalogue = CATALOGUE.value
    found: list[Ending] = []
    for account in catalogue.accounts():
        bound = await bound_at(catalogue, account)
        days = {key: window for key, window in bound.windows().items() if _is_day(window)}
        readings = {window.key: reading async for window, reading, _ in read(runtime, days.values())}
        if any(reading.used for reading in readings.values()):
            whole = overall(outlook(runtime, catalogue, bound, readings, counts=_is_day))
            found += _ending(account.user_id, account.provider, whole)
    return found


def _ending(user_id: int, provider: str, whole: Overall | None) -> Iterator[Ending]:
    if whole is None or (quota := whole.quota) is None:
        return
    day = _date(quota.window, clock.now())
    yield Ending(user_id=user_id, provider=provider, model=whole.model, day=day, quota=quota)


def _is_day(window: Window) -> bool:
    return window.period == DAY and window.metric != CONCURRENCY


def _date(window: Window, now: float) -> date:
    if window.kind != "fixed":
        return datetime.fromtimestamp(now, UTC).date()
    start, _ = bounds(window.period, window.zone, now)
    return datetime.fromtimestamp(start, ZoneInfo(window.zone)).date()
