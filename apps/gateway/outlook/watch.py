"""The loop that looks at all quota windows once a minute, so that their pace is known."""

import asyncio
from typing import Final

from apps.core import clock
from apps.gateway.outlook.pace import INTERVAL_S
from apps.gateway.outlook.quotas import bound_at, read
from apps.gateway.runtime import Runtime
from apps.providers.offers import CATALOGUE

NAME: Final = "outlook"


class Watch:
    """Of one gateway. Nothing on the request path waits for it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def run(self) -> None:
        """Look every INTERVAL_S, at once to begin with. Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """At every limited window of every account."""
        book, catalogue = self._runtime.pace, CATALOGUE.value
        for account in catalogue.accounts():
            bound = await bound_at(catalogue, account)
            async for window, reading, now in read(self._runtime, bound.windows().values()):
                book.sample(window, reading, now)
        book.looked(clock.now())
