"""What runs: the gateway, the scheduled tasks, Redis."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import httpx
import redis
from django.conf import settings

from apps.core import clock, task_runs
from apps.gateway.process import database_lock
from apps.gateway.process.announcements import url_of
from freeai.doctor.findings import Finding, error, note, ok, warning

PATIENCE_S: Final = 3.0
MISSED: Final = 3
"""So many runs of a task may be missing: a worker may be at another, a restart under way."""
SLACK_S: Final = 120.0
SKEW_S: Final = 2.0
DOWN: Final = re.compile(r'^freeai_background_up\{task="(\w+)"\} 0', re.MULTILINE)


def gateway() -> Iterator[Finding]:
    """Whether one serves, and is ready. Where it is, only the address of this process's settings tells."""
    holder, url = database_lock.holder(), own_url()
    try:
        ready = httpx.get(f"{url}/readyz", timeout=PATIENCE_S)
    except httpx.HTTPError:
        if holder is None and not database_lock.is_served():
            yield note("No gateway runs on this database.", "manage.py serve")
        else:
            yield note(
                f"A gateway runs on this database{f' ({holder})' if holder else ''}, and not at {url}."
            )
        return
    if ready.status_code == httpx.codes.OK:
        yield ok(f"{url} is ready.")
        return
    down = DOWN.findall(scrape() or "")
    why = (
        f"{', '.join(down)} does not run"
        if down
        else "its database does not answer, takes no writes or lacks a migration, or it starts"
    )
    yield error(
        f"The gateway at {url} is not ready: {why}.",
        "The log says why (background.failed, celery.ended, database.silent); it is tried again by itself.",
    )


def tasks() -> Iterator[Finding]:
    """Whether beat sends and a worker does what is scheduled, as the database knows it."""
    now, last, since = clock.now(), task_runs.last(), task_runs.noted_since()
    if since is None:
        return  # of an older version, which is said elsewhere
    is_served = database_lock.is_served()
    late = []
    for name, every_s in task_runs.scheduled().items():
        seen = last.get(name, since)
        if now - seen.timestamp() > MISSED * every_s + SLACK_S:
            late.append((name.rpartition(".")[2], last.get(name)))
    for name, at in late:
        when = f"last ran at {at:%Y-%m-%d %H:%M} UTC" if at else "has never run"
        yield (error if is_served else note)(
            f"The scheduled task {name} {when}." + ("" if is_served else " No gateway runs either."),
            "Start a Celery worker and beat (manage.py serve without --no-tasks has both), and look into their log.",
        )
    if not late and last:
        yield ok(f"The schedule runs; the latest task ended at {max(last.values()):%H:%M:%S} UTC.")


def fleet() -> Iterator[Finding]:
    """Redis, where it is named."""
    if not settings.FREEAI_REDIS_URL:
        yield ok("None is named: the embedded form needs none.")
        return
    client = redis.Redis.from_url(
        settings.FREEAI_REDIS_URL, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
    )
    try:
        yield from _examined(client)
    except redis.AuthenticationError:
        yield error("Redis refuses the password of FREEAI_REDIS_URL.", "Correct it.")
    except (redis.RedisError, OSError) as failure:
        yield error(
            f"Redis does not answer: {type(failure).__name__}. No task is sent, and live traffic stays in its process.",
            "Start it, or correct FREEAI_REDIS_URL.",
        )
    finally:
        client.close()


def _examined(client: "redis.Redis") -> Iterator[Finding]:
    """Raises RedisError."""
    info = client.info()
    assert isinstance(info, dict)  # noqa: S101 - the client is not asynchronous
    if (policy := info.get("maxmemory_policy")) != "noeviction" and policy is not None:
        yield error(
            f"Redis' maxmemory-policy is {policy}: it forgets queued tasks when memory is short, without a word.",
            "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
        )
    most, used = int(info.get("maxmemory") or 0), int(info.get("used_memory") or 0)
    if most and used > 0.9 * most:
        yield warning(
            "Redis has used more than nine tenths of its maxmemory.", "Give it more, or look what fills it."
        )
    seconds, micros = client.time()
    if abs(skew := seconds + micros / 1e6 - clock.now()) > SKEW_S:
        yield warning(
            f"The clocks of FreeAI's host and of Redis are {abs(skew):.0f} s apart.",
            "Run a time service on both.",
        )
    yield ok(f"Redis {info.get('redis_version')}")


def own_url() -> str:
    """Where the gateway of these settings is."""
    return url_of(settings.FREEAI_HOST, settings.FREEAI_PORT)


def scrape() -> str | None:
    """What /metrics of that gateway says; None where nobody answers."""
    token = settings.FREEAI_METRICS_TOKEN
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(f"{own_url()}/metrics", headers=headers, timeout=PATIENCE_S)
    except httpx.HTTPError:
        return None
    return answer.text if answer.status_code == httpx.codes.OK else None


def moment() -> datetime:
    """Now, by FreeAI's clock."""
    return datetime.fromtimestamp(clock.now(), UTC)
