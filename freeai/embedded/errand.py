"""One run of a task of the schedule, started by the worker: `python -m freeai.embedded.errand NAME PARENT`. Exit codes: 0 done, 1 not."""

import sys

from freeai.embedded.following import follow


def main(name: str, parent: int) -> int:
    """See the module. What went wrong is in the log, as Celery tells it."""
    follow(parent)
    # late: it may take a second, in which nobody would see that the worker is gone
    from apps.core.postgres import pooler
    from freeai.celery import app

    pooler.use()
    app.loader.import_default_modules()  # as a worker does at its start: those with the tasks
    return 0 if app.tasks[name].apply().successful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
