"""Fair shares over all processes: each tells what its client keys asked for and got in the last minute, and for what they wait.

Quota is granted once, whoever asks: what may be a moment old here is only who comes first.
"""

import asyncio
from typing import Final

import structlog

from apps.core import clock
from apps.core.board import Board
from apps.gateway.attempts.fairness import Fairness

log = structlog.get_logger("freeai.gateway")

NAME: Final = "shares"
INTERVAL_S: Final = 0.2
A_PROCESS_S: Final = 0.01
"""For each process: what all read of all has an end."""
STALE: Final = 5
"""Who has said nothing for so many intervals is not there any more."""
AWAY_S: Final = 1.0


class Shares:
    """Of one process."""

    def __init__(self, fairness: Fairness, board: Board) -> None:
        self._fairness, self._board = fairness, board
        self._others = 0

    async def run(self) -> None:
        """Tell and hear, as long as there is anything to tell. Until cancelled."""
        try:
            while True:
                pause_s = await self.turn()
                await asyncio.sleep(pause_s)
        finally:
            await self._board.aclose()

    async def turn(self) -> float:
        """Once. Returns how long until the next, in seconds."""
        told = self._fairness.told(clock.now())
        if not told:
            self._fairness.hear(())
            return INTERVAL_S
        interval_s = max(INTERVAL_S, A_PROCESS_S * self._others)
        try:
            heard = await self._board.exchange(NAME, told, STALE * interval_s)
        except Exception as error:  # noqa: BLE001 - Redis is away, however it says so: each is fair by itself then
            log.debug("shares.not_exchanged", error=type(error).__name__)
            self._fairness.hear(())
            return AWAY_S
        self._others = len(heard)
        self._fairness.hear(heard)
        return interval_s
