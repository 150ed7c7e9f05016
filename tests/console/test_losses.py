"""What is said above every page while the server lacks something."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.analytics.models import UnrolledHour
from apps.console.losses import ASK, TASKS_LATE_S, losses
from apps.console.traffic import kept
from apps.core import clock
from apps.core.ids import least_at
from apps.core.state.memory import MemoryStore
from apps.gateway import supervision
from apps.gateway.traffic.broadcast import Broadcast
from tests.console.conftest import signed_in


def titles(user):
    kept.forget()
    return [loss.title for loss in losses(user)]


def written_to(ago_s):
    batch = uuid.UUID(int=least_at(clock.now() - ago_s).int | 7 << 76 | 2 << 62 | 1)
    UnrolledHour.objects.create(hour=datetime(2026, 11, 27, tzinfo=UTC), writer="w", batch=batch)


@pytest.fixture
def marked():
    """Marks work as up or down, and forgets it."""
    names = []

    def mark(name, up):
        names.append(name)
        supervision.mark(name, up)

    yield mark
    for name in names:
        supervision.forget(name)


def test_where_all_is_there_nothing_is_said(root, gateway):
    assert titles(root) == []
    assert 'role="status"><span>' not in signed_in(root).get("/admin/profile/").content.decode()


def test_a_state_store_that_is_away_is_said_on_every_page(root, alice, gateway, monkeypatch):
    monkeypatch.setattr(MemoryStore, "mode", "away")
    kept.forget()

    for path in ("profile/", "pool/", "clients/clientkey/", "auth/user/", "playground/", "traffic/"):
        shown = signed_in(root).get(f"/admin/{path}").content.decode()
        assert "The state store is out of reach." in shown and "FREEAI_STATE" in shown
    shown = signed_in(alice).get("/admin/profile/").content.decode()
    assert "The state store is out of reach." in shown
    assert ASK in shown and "FREEAI_STATE" not in shown


def test_a_database_that_takes_nothing_is_said(root, gateway, monkeypatch):
    monkeypatch.setattr(type(gateway.writer), "lag_s", lambda _writer: 400.0)

    assert titles(root) == ["The database takes no usage events."]
    assert "the oldest for 6 min" in losses(root)[0].text


def test_a_celery_that_has_ended_is_said_until_it_is_back(root, gateway, marked):
    marked("celery", False)
    assert titles(root) == ["Tasks of the schedule do not run."]

    marked("celery", True)
    assert titles(root) == []


@pytest.mark.parametrize(
    ("ago_s", "expected"), [(60, []), (TASKS_LATE_S + 60, ["Tasks of the schedule do not run."])]
)
def test_a_beat_elsewhere_that_is_lost_is_told_by_what_waits_for_it(root, gateway, ago_s, expected):
    written_to(ago_s)
    written_to_again = UnrolledHour.objects.get()

    assert titles(root) == expected
    written_to_again.delete()
    assert titles(root) == []


def test_background_work_that_failed_is_named(root, gateway, marked):
    marked("snapshot", False)
    marked("evidence", False)

    assert titles(root) == ["Background work has failed."]
    assert losses(root)[0].text.startswith("Evidence, snapshot failed")


def test_without_a_gateway_in_the_process_nothing_is_made_up(root):
    written_to(10 * TASKS_LATE_S)

    assert titles(root) == []


async def test_live_traffic_notes_that_redis_is_away_and_back(gateway):
    class Watchers:
        failures = (OSError,)
        is_away = True

        async def watched(self, _now):
            if self.is_away:
                raise ConnectionError
            return frozenset()

    watchers: Any = Watchers()
    broadcast = Broadcast(gateway, watchers)

    await broadcast._look()
    assert gateway.is_redis_away
    watchers.is_away = False
    await broadcast._look()
    assert not gateway.is_redis_away


def test_a_redis_that_is_away_is_said(root, gateway):
    gateway.is_redis_away = True

    assert titles(root) == ["Redis is out of reach."]
