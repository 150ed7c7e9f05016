"""Days that end early, for the tests of who hears of them: at noon, with what was used of an account's quota."""

from collections.abc import Callable
from typing import Final, TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from apps.core import clock
from apps.core.state.contract import PastUsage, Window
from apps.gateway.models import Notice
from apps.gateway.outlook.pace import Book
from apps.providers.offers import CATALOGUE
from tests.gateway.conftest import USER, Gateway, Limit

NOON: Final = 1_768_478_400.0  # 2026-01-15 12:00 UTC
DAY: Final = [Limit("requests", "day", 100)]
T = TypeVar("T")


class Time:
    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture(name="time")
def at_noon(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


async def off_loop(work: Callable[[], T]) -> T:
    def call() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await sync_to_async(call, thread_sensitive=False)()


async def rows() -> list[Notice]:
    return await off_loop(lambda: list(Notice.objects.order_by("pk")))


def windows(provider: str = "groq", period: str = "day") -> list[Window]:
    """The limited ones of an account or its first model."""
    offer = next(iter(CATALOGUE.value.offers_at(USER, provider)))
    return [window for window in offer.subject.windows if window.limit and window.period == period]


async def used(gateway: Gateway, count: int, time: Time, *which: Window) -> None:
    """So much was used within the last half hour."""
    which = which or tuple(windows())
    gateway.runtime.pace = Book()
    past = [PastUsage(which, time.now - 1800, {"requests": count})]
    await gateway.runtime.store.take(which, {"requests": count}, time.now - 1800)
    gateway.runtime.pace.recall(past, time.now)
    gateway.runtime.pace.looked(time.now)
