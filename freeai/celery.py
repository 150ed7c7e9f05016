"""The Celery application: its worker and beat in a fleet, and each task's process on a single host (`freeai.embedded`)."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_success, worker_init

from freeai.entrance import enter

enter()

from apps.core import task_runs  # noqa: E402
from apps.core.postgres import pooler  # noqa: E402

app = Celery("freeai")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.providers.listing"], related_name="jobs")


@setup_logging.connect
def _keep_our_logs(**_: object) -> None:
    """That somebody listens is what keeps Celery from setting up its own."""


@worker_init.connect
def _go_through_the_pooler(**_: object) -> None:
    pooler.use()


@task_success.connect
def _note(sender: Any = None, **_: object) -> None:
    """What is scheduled has run: `manage.py doctor` asks for it."""
    task_runs.note(getattr(sender, "name", ""))
