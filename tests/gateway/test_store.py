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


@pytest.mark.django_db
def test_a_fleet_counts_in_redis_and_takes_no_lock_on_its_database(settings):
    settings.FREEAI_STATE = "redis://127.0.0.1:1/0"

    database_lock.take()

    assert database_lock.holder() is None
    assert open_store(None, settings.FREEAI_STATE).mode == "redis"


@pytest.mark.django_db
def test_a_fleet_serves_beside_no_gateway_that_counts_by_itself(settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_lock, "LEAVING_S", 0.0)
    monkeypatch.setattr(database_lock, "holder", lambda: "freeai gateway, host one, pid 1")
    settings.FREEAI_STATE = "redis://127.0.0.1:1/0"

    with pytest.raises(database_lock.AnotherGatewayError, match=r"\(freeai gateway, host one.*FREEAI_STATE"):
        database_lock.take()


@pytest.mark.parametrize("workers", [2, 16])
def test_more_web_processes_than_can_share_the_quotas_are_refused_in_words(workers: int):
    with pytest.raises(CommandError, match=r"FREEAI_STATE.*FREEAI_WORKERS") as refused:
        call_command("serve", workers=workers)

    assert refused.value.returncode == 2
    assert why_not(workers, "redis://127.0.0.1:1/0") is None


async def test_metrics_name_the_mode_of_this_very_moment(gateway: Gateway, elsewhere: Elsewhere):
    before = await modes(gateway)
    elsewhere.mode = "away"
    after = await modes(gateway)

    assert (before["redis"], after["redis"], after["away"]) == (1, 0, 1)


async def test_stopping_closes_the_store(elsewhere: Elsewhere):
    await runtime.current().stop()

    assert elsewhere.closed
