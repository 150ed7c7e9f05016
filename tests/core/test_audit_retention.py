"""How long the audit is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from auditlog.models import LogEntry
from django.conf import settings as running
from django.contrib.admin.models import ADDITION
from django.contrib.admin.models import LogEntry as AdminEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from apps.core import audit_retention, tasks
from apps.core.audit_retention import purge

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def noted(user: User, *days: float) -> None:
    """An act of so many days ago, as `/api` notes it and as the admin site does."""
    kind = ContentType.objects.get_for_model(User)
    for ago in days:
        at = NOW - timedelta(days=ago)
        LogEntry.objects.create(
            content_type=kind, object_pk="1", object_repr=str(ago), action=0, timestamp=at
        )
        AdminEntry.objects.create(
            user=user,
            content_type=kind,
            object_id="1",
            object_repr=str(ago),
            action_flag=ADDITION,
            action_time=at,
        )


def kept() -> list[set[str]]:
    return [set(kind.objects.values_list("object_repr", flat=True)) for kind in (LogEntry, AdminEntry)]


def test_deletes_what_is_older_in_both_logs_and_nothing_else(ada: User):
    noted(ada, 400, 365.1, 364.9, 0)

    deleted = purge(NOW.timestamp(), days=365)

    assert deleted == 4
    assert kept() == [{"364.9", "0"}] * 2


def test_deletes_in_batches_until_nothing_is_left(ada: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_retention, "BATCH", 3)
    noted(ada, *range(366, 376))

    assert purge(NOW.timestamp(), days=365) == 20
    assert kept() == [set(), set()]


def test_stops_when_its_time_is_used_up_and_begins_with_the_oldest(
    ada: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_retention, "BATCH", 3)
    noted(ada, *range(366, 376))

    assert purge(NOW.timestamp(), days=365, budget_s=0) == 3
    assert kept()[0] == {str(day) for day in range(366, 373)}


def test_zero_days_keep_it_for_good(ada: User):
    noted(ada, 4000)

    assert purge(NOW.timestamp(), days=0) == 0


@pytest.mark.parametrize(("days", "left"), [(30, {"20"}), (365, {"20", "40"}), (0, {"20", "40", "400"})])
def test_beat_purges_by_the_setting(
    ada: User, settings: Any, monkeypatch: pytest.MonkeyPatch, days: int, left: set[str]
):
    monkeypatch.setattr("apps.core.clock.now", NOW.timestamp)
    settings.FREEAI_AUDIT_KEEP_DAYS = days
    noted(ada, 20, 40, 400)

    with structlog.testing.capture_logs() as logs:
        deleted = tasks.purge_audit()

    assert kept() == [left] * 2
    assert [(line["event"], line["entries"]) for line in logs] == [("audit.purged", deleted)]


def test_it_is_scheduled_and_a_year_is_kept_where_nobody_says_otherwise():
    scheduled = {entry["task"] for entry in running.CELERY_BEAT_SCHEDULE.values()}

    assert running.FREEAI_AUDIT_KEEP_DAYS == 365
    assert tasks.purge_audit.name in scheduled
