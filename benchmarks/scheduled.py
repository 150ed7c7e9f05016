"""Has each task of the schedule done once, by the gateway's own worker: `python -m benchmarks.scheduled`, in its environment."""

import sys
from time import sleep
from typing import Final

from freeai.celery import app

app.loader.import_default_modules()

from apps.core import clock, task_runs  # noqa: E402

LONGEST_S: Final = 120.0


def main() -> int:
    """0 when all have ended, 1 when one has not within two minutes."""
    for name in task_runs.scheduled():
        app.tasks[name].delay()
    give_up_at = clock.monotonic() + LONGEST_S
    while task_runs.last().keys() != task_runs.scheduled().keys():
        if clock.monotonic() > give_up_at:
            return 1
        sleep(0.2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
