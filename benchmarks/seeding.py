"""Fills the database of the gateway under test.

`python -m benchmarks.seeding {candidates COUNT URL | keys COUNT | events COUNT | spooled COUNT}`, in a process beside
the gateway, with its FREEAI_DATA_DIR. Candidates and keys are set to an exact number, events are added once.
"""

import os
import secrets
import sys
import time
from datetime import UTC, datetime

import django

from benchmarks import attempts, wire

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freeai.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from apps.analytics.models import UsageEventRow  # noqa: E402
from apps.analytics.spool import Spool  # noqa: E402
from apps.clients.models import ClientKey  # noqa: E402
from apps.core import ids, snapshot  # noqa: E402
from apps.providers.credentials import set_key  # noqa: E402
from apps.providers.models import Provider, ProviderModel  # noqa: E402

PREFIX = "bench-"
CAPABILITIES = ["tools", "json_object", "vision"]
CONTEXT_WINDOW = 8_000_000  # the largest body fits
KEY_BATCH = 5_000
# Small enough for the gateway's writer to get its turn in between.
EVENT_BATCH = 100_000
EVENT_INTERVAL_S = 2


def candidates(count: int, url: str) -> None:
    """Exactly `count` custom providers at `url`, each with one model and a key of the administrator."""
    admin = User.objects.get(username="admin")
    with transaction.atomic():
        Provider.objects.filter(name__startswith=PREFIX).delete()
        for number in range(1, count + 1):
            provider = Provider.objects.create(
                name=f"{PREFIX}{number:02}",
                display_name=f"Benchmark {number}",
                base_url=f"{url}/v1",
                default_model=wire.MODEL,
                is_custom=True,
            )
            ProviderModel.objects.create(
                provider=provider,
                name=wire.MODEL,
                capabilities=CAPABILITIES,
                context_window=CONTEXT_WINDOW,
                prompt_microusd=150_000,
                completion_microusd=600_000,
            )
            set_key(admin, provider, wire.PROVIDER_KEY)


def keys(count: int) -> None:
    """Exactly `count` client keys besides the first; nobody knows them."""
    admin = User.objects.get(username="admin")
    with transaction.atomic():
        known = ClientKey.objects.filter(name=PREFIX)
        known._raw_delete(known.db)  # delete() would announce every single row
        for start in range(0, count, KEY_BATCH):
            ClientKey.objects.bulk_create(
                ClientKey(user=admin, name=PREFIX, key_hash=secrets.token_hex(32), key_preview="***")
                for _ in range(start, min(start + KEY_BATCH, count))
            )
        snapshot.announce("clients")


def events(count: int) -> None:
    """`count` more usage events, two seconds apart into the past: copies of one row, made by the database (SQLite)."""
    pattern = UsageEventRow.objects.create(
        id=ids.uuid7(),
        at=datetime.now(UTC),
        request_id="req-bench",
        user_id=User.objects.get(username="admin").pk,
        provider=f"{PREFIX}01",
        model=wire.MODEL,
        strategy="auto",
        endpoint="chat",
        outcome="success",
        upstream_status=200,
        latency_ms=412.0,
        prompt_tokens=119,
        completion_tokens=32,
    )
    columns = [field.attname for field in UsageEventRow._meta.concrete_fields]
    values = {
        "id": "printf('%%032x', n)",
        "at": f"datetime(at, printf('-%%d seconds', n * {EVENT_INTERVAL_S}))",
    }
    statement = (  # the names in it are the model's own
        "WITH RECURSIVE series(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM series WHERE n < %s) "  # noqa: S608
        f"INSERT INTO usage_events ({', '.join(columns)}) "
        f"SELECT {', '.join(values.get(column, column) for column in columns)} "
        "FROM series JOIN usage_events ON id = %s"
    )
    with connection.cursor() as cursor:
        for start in range(1, count + 1, EVENT_BATCH):
            cursor.execute(statement, [start, min(start + EVENT_BATCH - 1, count), pattern.pk])


def spooled(count: int) -> None:
    """What a process leaves in the spool that died with `count` events of the last minute in it."""
    spool = Spool(settings.FREEAI_SPOOL_DIR)
    user_id = User.objects.get(username="admin").pk
    now = time.time()
    for number in range(count):
        at = now - 60 * (1 - number / count)
        attempts.write(spool, at=at, user_id=user_id, provider=f"{PREFIX}01", request_id="req-bench")
    spool.close()


def main(command: str, *arguments: str) -> None:
    """Run one command."""
    count = int(arguments[0])
    if command == "candidates":
        candidates(count, arguments[1])
    elif command == "keys":
        keys(count)
    elif command == "events":
        events(count)
    elif command == "spooled":
        spooled(count)
    else:
        raise SystemExit(f"unknown command {command}")


if __name__ == "__main__":
    main(*sys.argv[1:])
