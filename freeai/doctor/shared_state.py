"""Where quotas are counted: in the process, or in a Redis that has to be fit for it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from django.conf import settings

from apps.core import clock
from apps.core.state.choice import is_shared
from apps.gateway.process import database_lock, one_database
from freeai.doctor.findings import Finding, error, note, ok, warning

PATIENCE_S: Final = 3.0
DEADLINE_S: Final = 0.25
"""As in the store: later is no answer."""
SKEW_S: Final = 1.0
OLDEST: Final = (6, 0)
FULL: Final = 0.9
ALONE: Final = "Each goes on with its share of what was left."


def state() -> Iterator[Finding]:
    """Redis where it counts; else whether one process is all there is."""
    where = settings.FREEAI_STATE
    if not is_shared(where):
        if settings.FREEAI_WORKERS > 1:
            yield error(
                f"FREEAI_WORKERS is {settings.FREEAI_WORKERS}, and quotas are counted in the process: a start is refused.",
                "Name a Redis in FREEAI_STATE (redis://host:6379/1), or set FREEAI_WORKERS to 1.",
            )
        yield ok("Quotas are counted in the process.")
        return
    yield from _settings(where)
    client: Any = redis.Redis.from_url(where, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
    try:
        yield from _examined(client)
    except redis.AuthenticationError:
        yield error(f"Redis refuses the password of FREEAI_STATE. {ALONE}", "Correct it.")
    except (redis.RedisError, OSError) as failure:
        yield error(
            f"The Redis of FREEAI_STATE does not answer ({type(failure).__name__}). {ALONE} None starts without it.",
            "Start it, or correct the address.",
        )
    finally:
        client.close()


def beside() -> Iterator[Finding]:
    """Gateways that count elsewhere, of which neither knows what the other grants."""
    if not is_shared(settings.FREEAI_STATE):
        return
    if (holder := database_lock.holder()) is not None:
        yield error(
            f"A gateway{f' ({holder})' if holder else ''} serves on this database and counts in its memory: quotas are granted twice.",
            "Stop it, or give it this FREEAI_STATE.",
        )
    try:
        if other := one_database.other(settings.FREEAI_STATE):
            yield error(
                f"Gateways that live count in this Redis for another database: {other}.", one_database.REMEDY
            )
    except (redis.RedisError, OSError):
        return  # which is said elsewhere
    yield ok("All gateways of this database count in one Redis, as far as can be seen from here.")


def _settings(where: str) -> Iterator[Finding]:
    tasks = settings.FREEAI_REDIS_URL
    if not tasks:
        yield warning(
            "FREEAI_STATE is set, and FREEAI_REDIS_URL is not: live traffic is that of one process, and tasks queue on this host.",
            "Set it too: the same Redis, with another number.",
        )
    elif _place(tasks) == _place(where):
        yield warning(
            "FREEAI_STATE and FREEAI_REDIS_URL name the same database of Redis: what empties one empties both.",
            "Give FREEAI_STATE a number of its own (/1).",
        )


def _examined(client: Any) -> Iterator[Finding]:
    """Raises RedisError."""
    began = clock.monotonic()
    client.ping()
    took_s = clock.monotonic() - began
    info: Mapping[str, Any] = client.info()
    seconds, micros = client.time()
    skew = seconds + micros / 1e6 - clock.now()
    if took_s > DEADLINE_S:
        yield warning(
            f"Redis took {took_s * 1000:.0f} ms to answer: after {DEADLINE_S * 1000:.0f} ms it counts as away.",
            "Bring it nearer, or look what keeps it busy.",
        )
    yield from _of_its_kind(info)
    yield from _of_its_memory(info)
    if abs(skew) > SKEW_S:
        yield warning(
            f"The clocks of FreeAI's host and of Redis are {abs(skew):.0f} s apart: hosts of a fleet have to agree on when a window ends.",
            "Run a time service on all of them.",
        )
    yield ok(f"Redis {info.get('redis_version')} counts the quotas.")


def _of_its_kind(info: Mapping[str, Any]) -> Iterator[Finding]:
    version = re.findall(r"\d+", str(info.get("redis_version", "")))[:2]
    if version and tuple(map(int, version)) < OLDEST:
        yield error(
            f"Redis {info['redis_version']} is older than {OLDEST[0]}.{OLDEST[1]}: scripts may not write after they ask for the time.",
            "Upgrade it, or use Valkey.",
        )
    if info.get("role") == "slave":
        yield error("This Redis is a replica: nothing can be written.", "Lead FREEAI_STATE to the primary.")
    if info.get("redis_mode") == "cluster":
        yield error(
            "This Redis is a cluster: FreeAI follows no redirection to another node.",
            "Use a single one, with a replica and a name that leads to the primary.",
        )


def _of_its_memory(info: Mapping[str, Any]) -> Iterator[Finding]:
    policy = info.get("maxmemory_policy")
    most, used = int(info.get("maxmemory") or 0), int(info.get("used_memory") or 0)
    if policy not in (None, "noeviction"):
        yield error(
            f"Redis' maxmemory-policy is {policy}: it forgets counters when memory is short, and quotas are granted again.",
            "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
        )
    if most and used > FULL * most:
        yield warning(
            "Redis has used more than nine tenths of its maxmemory: beyond it nothing is granted by it.",
            "Give it more, or look what fills it.",
        )
    if policy is None:
        yield note("Redis does not tell its maxmemory-policy.", "It has to be noeviction.")


def _place(url: str) -> tuple[str | None, int, str]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or 6379, parts.path.strip("/") or "0"
