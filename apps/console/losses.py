"""What the server has lost that pages need: said above every page, with what goes on without it and what to do."""

from typing import Final, cast

from django.contrib.auth.models import User
from msgspec import Struct

from apps.analytics.models import UnrolledHour
from apps.console.traffic.kept import kept
from apps.console.words import count, length
from apps.core import clock, roles
from apps.gateway import runtime, supervision
from apps.gateway.process.celery_child import NAME as CELERY

LOOK_S: Final = 10.0
WRITER_LATE_S: Final = 60.0
"""So long usage events wait for the database before everybody is told."""
TASKS_LATE_S: Final = 3 * 3600.0
"""So long an hour that was written to waits for the task that sums it up every hour."""
AWAY: Final = "away"
"""What a state store says of itself that has lost the place where its counters are."""
ASK: Final = "Tell whoever runs this server."


class Loss(Struct, frozen=True):
    """`text`: what goes on without it. `mend`: what to do."""

    title: str
    text: str
    mend: str
    tone: str = "bad"


def losses(user: object) -> list[Loss]:
    """As of LOOK_S ago at most. `mend` is for who runs the server; others are told whom to tell. Raises DatabaseError."""
    found = kept("losses", _losses, LOOK_S)
    if roles.is_admin(cast("User", user)):
        return found
    return [Loss(one.title, one.text, ASK, one.tone) for one in found]


def _losses() -> list[Loss]:
    if not runtime.is_running():
        return []
    found = [*_of_state(), *_of_ledger()]
    down = supervision.down()
    if CELERY in down:
        found.append(_of_tasks("Celery has ended, and is begun anew."))
    elif (late_s := _tasks_late_s()) > TASKS_LATE_S:
        found.append(_of_tasks(f"No task has summed usage up for {length(late_s)}."))
    if others := sorted(down - {CELERY}):
        found.append(_of_background(others))
    return found


def _of_state() -> list[Loss]:
    gateway = runtime.current()
    if gateway.store.mode == AWAY:
        text = (
            "Each process goes on with its share of what was left of every quota, and comes back by itself."
        )
        return [Loss("The state store is out of reach.", text, "See that the Redis of FREEAI_STATE runs.")]
    if gateway.is_redis_away:
        text = "Requests are served. Live traffic is not shown, and tasks of the schedule may not run."
        return [Loss("Redis is out of reach.", text, "See that the Redis of FREEAI_REDIS_URL runs.", "warn")]
    return []


def _of_ledger() -> list[Loss]:
    writer = runtime.current().writer
    if writer.lag_s() <= WRITER_LATE_S:
        return []
    text = (
        f"{count(writer.depth())} usage events wait on disk, the oldest for {length(writer.lag_s())}. Requests are served and nothing is "
        "lost; figures are of before."
    )
    mend = "See that the database runs, takes writes, and has room on its disk; the log line usage.not_written says why."
    return [Loss("The database takes no usage events.", text, mend)]


def _of_tasks(what: str) -> Loss:
    text = f"{what} Requests are served; long reports are slow, old events stay, and lists of models are not read."
    mend = "See that a Celery worker and one beat run; the log line celery.ended says why one has ended."
    return Loss("Tasks of the schedule do not run.", text, mend, "warn")


def _of_background(names: list[str]) -> Loss:
    text = f"{', '.join(names).capitalize()} failed, and is begun anew after a pause. Requests are served from memory."
    return Loss("Background work has failed.", text, "The log line background.failed says why.", "warn")


def _tasks_late_s() -> float:
    """Since when an hour that was written to waits to be summed up. A mark's batch begins with its time."""
    oldest = UnrolledHour.objects.order_by("batch").values_list("batch", flat=True).first()
    return 0.0 if oldest is None else clock.now() - (oldest.int >> 80) / 1000
