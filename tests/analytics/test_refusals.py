"""Refusals before any attempt: counted exactly, in a few rows however many there are."""

import asyncio
import os
from pathlib import Path

import pytest

from apps.analytics import refusals as refusals_module
from apps.analytics.events import UsageEvent
from apps.analytics.leftovers import Leftovers
from apps.analytics.refusals import MOST_KINDS, ROWS, Refusals
from apps.analytics.segments import read_events, segments
from apps.analytics.spool import Spool
from tests.analytics.conftest import Ledger, off_loop
from tests.analytics.examples import refused


def written(spool: Spool) -> list[UsageEvent]:
    """The final lines."""
    return [event for path in segments(spool.directory) for event in read_events(path) if not event.is_open]


async def test_the_first_have_a_row_each_and_the_others_one_together(spool: Spool):
    refusals = Refusals(spool)
    for number in range(100):
        refusals.add(refused(latency_ms=float(number), at=1000.0 + number))

    refusals.flush()

    *own, together = written(spool)
    assert [event.stands_for for event in own] == [1] * ROWS
    assert (together.stands_for, together.at, together.latency_ms) == (95, 1005.0, 52.0)
    assert together.is_last


async def test_those_of_other_kinds_are_counted_apart(spool: Spool):
    refusals = Refusals(spool)
    others: list[dict] = [
        {"user_id": 2},
        {"client_id": 9},
        {"endpoint": "embeddings"},
        {"error_kind": "other"},
    ]
    for fields in [{}, *others]:
        for _ in range(ROWS + 2):
            refusals.add(refused(**fields))

    refusals.flush()

    assert [event.stands_for for event in written(spool)].count(2) == 5


@pytest.mark.parametrize(("models", "told"), [(["a", "a"], "a"), (["a", "b"], "")])
async def test_the_model_of_several_is_told_where_it_is_one(spool: Spool, models: list[str], told: str):
    refusals = Refusals(spool)
    for model in ["first"] * ROWS + models:
        refusals.add(refused(model=model))

    refusals.flush()

    assert written(spool)[-1].model == told


async def test_they_are_written_when_the_minute_is_over(spool: Spool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(refusals_module, "WINDOW_S", 0.05)
    refusals = Refusals(spool)
    for _ in range(ROWS + 3):
        refusals.add(refused())

    await asyncio.sleep(0.1)
    for _ in range(ROWS):
        refusals.add(refused())

    assert [event.stands_for for event in written(spool)] == [1] * ROWS + [3] + [1] * ROWS


async def test_a_flood_of_many_kinds_needs_bounded_memory_and_loses_none(spool: Spool):
    refusals = Refusals(spool)
    for number in range(3 * MOST_KINDS):
        for _ in range(ROWS + 2):
            refusals.add(refused(client_id=number))
        assert len(refusals._alike) <= MOST_KINDS

    refusals.flush()

    assert sum(event.stands_for for event in written(spool)) == 3 * MOST_KINDS * (ROWS + 2)


async def test_a_flood_of_one_kind_takes_no_room(spool: Spool):
    refusals = Refusals(spool)

    for _ in range(20_000):
        refusals.add(refused())

    assert sum(path.stat().st_size for path in segments(spool.directory)) < 20_000


async def test_a_kill_in_a_flood_loses_less_than_half(root: Path, ledger: Ledger):
    spool = Spool(root)
    refusals = Refusals(spool)
    for _ in range(1_000):
        refusals.add(refused())

    os.close(spool._lock)
    kept = await off_loop(lambda: adopted(root, ledger))

    assert 500 <= sum(stands_for for stands_for, _, _ in kept) <= 1_000
    assert {(outcome, is_last) for _, outcome, is_last in kept} == {("refused", True)}


def adopted(root: Path, ledger: Ledger) -> list[tuple[int, str, bool]]:
    left = Leftovers(root, root / "own", using=ledger.alias)
    assert left.look() == []
    while left.step():
        pass
    return list(ledger.rows.values_list("stands_for", "outcome", "is_last"))
