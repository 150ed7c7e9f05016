"""The state store of a gateway: chosen in one place, named by /metrics, closed at the end."""

from collections.abc import AsyncIterator

import pytest
from django.core.management import CommandError, call_command

from apps.core.state.choice import open_store, why_not
from apps.core.state.memory import MemoryStore
from apps.gateway import runtime
from apps.gateway.process import database_lock
from apps.gateway.runtime import Runtime
from tests.gateway.conftest import Gateway


class Elsewhere(MemoryStore):
    """A store that is out of reach at times."""

    mode = "redis"
    closed = False

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
async def elsewhere(gateway: Gateway) -> AsyncIterator[Elsewhere]:
    store = Elsewhere()
    made = Runtime(store=store)
    runtime.install(made)
    yield store
    if not store.closed:
        await made.stop()


async def modes(gateway: Gateway) -> dict[str, float]:
    answer = await gateway.client.request("GET", "/metrics")
    lines = [
        line for line in answer.body.decode().splitlines() if line.startswith("freeai_state_store_mode{")
    ]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}


def test_an_embedded_gateway_keeps_its_counters_in_the_process():
    assert open_store().mode == "memory"
    assert why_not(1) is None


def test_a_fleet_counts_in_redis_and_needs_no_lock_on_its_database(settings, monkeypatch):
    settings.FREEAI_STATE = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(database_lock, "_FileLock", None)
    monkeypatch.setattr(database_lock, "_DatabaseLock", None)

    database_lock.take()

    assert open_store(None, settings.FREEAI_STATE).mode == "redis"


@pytest.mark.parametrize("workers", [0, 2, 16])
def test_more_web_processes_than_can_share_the_quotas_are_refused_in_words(workers: int):
    with pytest.raises(CommandError, match="FREEAI_WORKERS"):
        call_command("serve", workers=workers)


async def test_metrics_name_the_mode_of_this_very_moment(gateway: Gateway, elsewhere: Elsewhere):
    before = await modes(gateway)
    elsewhere.mode = "away"
    after = await modes(gateway)

    assert (before["redis"], after["redis"], after["away"]) == (1, 0, 1)


async def test_stopping_closes_the_store(elsewhere: Elsewhere):
    await runtime.current().stop()

    assert elsewhere.closed
