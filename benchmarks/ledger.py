"""Fills a ledger with days of traffic as an installation has it, and rolls it up.

`python -m benchmarks.ledger COUNT [DAYS]`, beside a gateway, with its FREEAI_DATA_DIR and FREEAI_DATABASE_URL.
"""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freeai.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from apps.providers.models import Provider  # noqa: E402

DAYS = 90
BATCH = 50_000
SEED = 20261127
CLIENTS = 20
STRATEGIES = ("auto", "fastest", "best_quality", "coding", "reasoning", "cheapest", "vision", "long_context")
PROVIDERS = tuple(f"provider-{number:02}" for number in range(1, 13))
MODELS = tuple((provider, f"{provider}/model-{number}") for provider in PROVIDERS for number in range(1, 5))
ERRORS = ("rate_limited", "server_error", "network", "refused", "empty_response", "context_length")
COLUMNS = (
    *("id", "at", "request_id", "user_id", "client_id", "provider", "model"),
    *("strategy", "virtual_model", "endpoint", "stream", "outcome", "error_kind", "upstream_status"),
    *("latency_ms", "ttfb_ms", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
    *("estimated", "fallback_position", "cost_microusd", "saved_microusd", "charged"),
    *("request_uuid", "is_last", "stands_for"),
)


class Client(NamedTuple):
    """An application: it belongs to a user, sends everything by one strategy, and that leads to some models, the first most often."""

    number: int
    user_id: int
    strategy: str
    models: list[tuple[str, str]]


def clients(random: Random) -> list[Client]:
    """The same for the same seed. A third of them are of one user."""
    return [
        Client(number, 1 + number % 3, STRATEGIES[number % len(STRATEGIES)], random.sample(MODELS, k=20))
        for number in range(1, CLIENTS + 1)
    ]


def rows(count: int, days: int, until: datetime) -> Iterator[tuple[Any, ...]]:
    """`count` events of the `days` until then, the oldest first."""
    random = Random(SEED)
    applications = clients(random)
    by_rank = [1 / rank for rank in range(1, len(applications[0].models) + 1)]
    step = timedelta(days=days) / count
    for number in range(count):
        client = random.choice(applications)
        (model,) = random.choices(client.models, by_rank)
        at = until - step * (count - number) + timedelta(seconds=random.random())
        yield _row(random, at, client, model)


def _row(random: Random, at: datetime, client: Client, model: tuple[str, str]) -> tuple[Any, ...]:
    error = random.choice(ERRORS) if random.random() < 0.06 else ""
    latency_ms = round(random.lognormvariate(6.5, 0.8), 3)
    prompt, completion = random.randrange(50, 4000), random.randrange(1, 900)
    noise = random.getrandbits(74)
    moment = (
        int(at.timestamp() * 1000) << 80 | 0x7 << 76 | (noise >> 62) << 64 | 0x2 << 62 | noise & (1 << 62) - 1
    )
    own_id = f"{moment:032x}"
    return (
        *(own_id, at, "req-bench", client.user_id, client.number, *model),
        *(client.strategy, "", "chat", False, "error" if error else "success", error, 200),
        *(latency_ms, latency_ms / 4, prompt, 0 if error else completion, 0, 0, False),
        *(2 if random.random() < 0.05 else 1, 0, None if random.random() < 0.1 else prompt // 10, "{}"),
        *(own_id, not error or random.random() < 0.2, 1),
    )


def providers() -> None:
    """Those of the events: with windows of a month, a third of them with one that never ends, for which a start reads all of the past."""
    for number, name in enumerate(PROVIDERS):
        limits: list[dict[str, Any]] = [
            {"metric": "requests", "unit": "day", "limit": 10**9, "rolling": True},
            {"metric": "tokens", "unit": "month", "limit": 10**12},
        ]
        if number % 3 == 0:
            limits.append({"metric": "requests", "unit": "once", "limit": 10**9})
        Provider.objects.create(
            name=name, display_name=name, base_url="http://127.0.0.1:9/v1", is_custom=True, limits=limits
        )


def fill(count: int, days: int = DAYS) -> None:
    """Into an empty table. Raises DatabaseError."""
    events = rows(count, days, datetime.now(UTC))
    while batch := list(islice(events, BATCH)):
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY usage_events ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                    for row in batch:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(COLUMNS))
                insert = f"INSERT INTO usage_events ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
                cursor.executemany(insert, batch)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def main(count: str, days: str = str(DAYS)) -> None:
    """Fill and roll up."""
    providers()
    fill(int(count), int(days))
    call_command("rollup_usage")


if __name__ == "__main__":
    main(*sys.argv[1:])
