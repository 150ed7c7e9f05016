"""What should run and does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import redis
from django.db.migrations.recorder import MigrationRecorder

from apps.core import clock, task_runs
from apps.core.models import TaskRun
from apps.gateway.process import database_lock
from freeai.doctor import running
from tests.doctor.conftest import Examine
from tests.redis_server import REDIS_URL, needs_redis

pytestmark = pytest.mark.django_db


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway holds the database."""
    monkeypatch.setattr(database_lock, "holder", lambda: "")


def all_ran(**ago: float) -> None:
    """Every task of the schedule ended so long ago."""
    at = datetime.fromtimestamp(clock.now(), UTC) - timedelta(**ago)
    for name in task_runs.scheduled():
        TaskRun.objects.update_or_create(name=name, defaults={"at": at})


def test_a_schedule_that_runs(examine: Examine, served: None):
    all_ran(minutes=4)

    assert [each.level for each in examine("tasks")] == ["ok"]


def test_a_schedule_that_stopped(examine: Examine, served: None):
    all_ran(minutes=30)

    found = examine("tasks")

    assert [(each.level, "read_due_lists last ran" in each.text) for each in found] == [("error", True)]


def test_a_schedule_that_never_began(examine: Examine, served: None):
    long_ago = datetime.fromtimestamp(clock.now(), UTC) - timedelta(days=2)
    MigrationRecorder.Migration.objects.filter(app="core", name="0002_task_runs").update(applied=long_ago)

    found = examine("tasks")

    assert {each.level for each in found} == {"error"} and len(found) == len(task_runs.scheduled())
    assert all("has never run" in each.text for each in found)


def test_a_new_installation_has_time(examine: Examine, served: None):
    just_now = datetime.fromtimestamp(clock.now(), UTC)
    MigrationRecorder.Migration.objects.filter(app="core", name="0002_task_runs").update(applied=just_now)

    assert examine("tasks") == []


def test_without_a_gateway_nothing_has_to_run(examine: Examine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_lock, "holder", lambda: None)
    all_ran(days=2)

    assert {each.level for each in examine("tasks")} == {"note"}


def test_a_task_that_ended_is_noted_and_others_are_not():
    name = next(iter(task_runs.scheduled()))

    task_runs.note(name)
    task_runs.note("apps.somewhere.else")

    assert list(task_runs.last()) == [name]
    assert not TaskRun.objects.exclude(name=name).exists()


def test_what_keeps_the_gateway_from_being_ready(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, served: None
):
    monkeypatch.setattr(httpx, "get", lambda url, **_: httpx.Response(503, text='{"status": "unavailable"}'))
    monkeypatch.setattr(running, "scrape", lambda: 'freeai_background_up{task="writer"} 0.0\n')

    found = examine("gateway")

    assert found[0].level == "error" and "writer does not run" in found[0].text


def test_redis_that_is_away(examine: Examine, settings: Any):
    settings.FREEAI_REDIS_URL = "redis://127.0.0.1:9/0"

    assert [each.level for each in examine("redis")] == ["error"]


@needs_redis
def test_redis_that_forgets(examine: Examine, settings: Any, monkeypatch: pytest.MonkeyPatch):
    settings.FREEAI_REDIS_URL = REDIS_URL
    ask = redis.Redis.info
    monkeypatch.setattr(redis.Redis, "info", lambda self: ask(self) | {"maxmemory_policy": "allkeys-lru"})

    assert [each.level for each in examine("redis")] == ["error", "ok"]
