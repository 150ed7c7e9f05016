"""When the tasks of the schedule last ended, as the database knows it: for whoever asks whether beat and a worker are alive."""

from collections.abc import Iterable
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import Error
from django.db.migrations.recorder import MigrationRecorder

from apps.core import clock
from apps.core.models import TaskRun

log = structlog.get_logger("freeai.celery")


def scheduled() -> dict[str, float]:
    """The names of the tasks of the schedule, and every how many seconds each is due."""
    entries: Iterable[dict[str, object]] = settings.CELERY_BEAT_SCHEDULE.values()
    return {str(entry["task"]): float(str(entry["schedule"])) for entry in entries}


def note(name: str) -> None:
    """`name` has just ended well. Raises nothing: that it ran counts, not that this was noted."""
    if name not in scheduled():
        return
    try:
        TaskRun.objects.update_or_create(name=name, defaults={"at": datetime.fromtimestamp(clock.now(), UTC)})
    except Error as error:
        log.warning("task_run.not_noted", task=name, error=type(error).__name__)


def last() -> dict[str, datetime]:
    """When each last ended, of those that ever did. Raises DatabaseError."""
    return dict(TaskRun.objects.filter(name__in=scheduled()).values_list("name", "at"))


def noted_since() -> datetime | None:
    """Since when runs are noted here: when the table was made. Raises DatabaseError."""
    row = MigrationRecorder.Migration.objects.filter(app="core", name="0002_task_runs").first()
    applied: datetime | None = None if row is None else row.applied
    return applied
