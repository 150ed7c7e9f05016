"""A fleet says in the database that it serves there: nobody who counts by himself begins beside it."""

import asyncio

import pytest
from django.db import OperationalError

from apps.core import clock
from apps.core.models import TaskRun
from apps.gateway.process import database_lock, fleet_mark
from apps.gateway.process.database_lock import AnotherGatewayError

pytestmark = pytest.mark.django_db

NOW = 1_800_000_000.0


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch):
    """Sets the time."""

    def set_time(now: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: now)

    set_time(NOW)
    return set_time


def test_a_fleet_is_there_for_some_seconds_behind_its_last_word(at, django_assert_num_queries):
    assert not fleet_mark.is_there()

    fleet_mark.renew()
    at(NOW + 1)
    with django_assert_num_queries(2):  # one of them has just said so: nothing is written
        fleet_mark.renew()
    mark = TaskRun.objects.get(name=fleet_mark.NAME)
    assert (mark.at.timestamp(), fleet_mark.is_there(), database_lock.is_served()) == (NOW, True, True)

    at(NOW + 2)
    fleet_mark.renew()
    at(NOW + 2 + fleet_mark.ALIVE_S - 0.1)
    assert fleet_mark.is_there()
    at(NOW + 2 + fleet_mark.ALIVE_S)
    assert not fleet_mark.is_there()


def test_who_counts_by_himself_is_refused_beside_it(at):
    database_lock._refuse_beside_a_fleet()
    fleet_mark.renew()

    with pytest.raises(AnotherGatewayError, match="FREEAI_STATE"):
        database_lock._refuse_beside_a_fleet()


async def test_it_is_renewed_whatever_becomes_of_the_database(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fleet_mark, "RENEW_S", 0.0)
    turns: list[int] = []

    async def turn(_work: object) -> None:
        turns.append(1)
        if len(turns) == 1:
            raise OperationalError("away")

    keeping = asyncio.create_task(fleet_mark.keep(turn))
    async with asyncio.timeout(10):
        while len(turns) < 3:  # noqa: ASYNC110 - the loop makes it true
            await asyncio.sleep(0)
    keeping.cancel()
