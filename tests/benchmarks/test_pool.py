"""The simulator of a pool: time that jumps, windows that are true, and counts that agree."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.pool.demand import KINDS, Request
from benchmarks.pool.network import Network, Outcome
from benchmarks.pool.plots import bars, drawn
from benchmarks.pool.truth import Counter, Kind, Quotas, TrueWindow
from benchmarks.pool.virtual import VirtualTime, run
from benchmarks.pool.world import EPOCH, Scenario, Upstream, World, make_world

MINUTE = EPOCH // 60 * 60
ROOT = Path(__file__).parents[2]


def test_a_day_passes_at_once_and_in_order():
    virtual = VirtualTime(EPOCH)
    seen: list[str] = []

    async def after(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        seen.append(f"{name} {virtual.elapsed:.0f}")

    async def day() -> None:
        await asyncio.gather(after(86_400, "late"), after(60, "soon"))

    began = time.perf_counter()
    run(day(), virtual)

    assert seen == ["soon 60", "late 86400"]
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("kind", "admitted"),
    [
        # Asked every second for two minutes from the middle of a minute: what each kind admits of 10 a minute.
        ("fixed", 30),
        ("rolling", 20),
        ("bucket", 29),
    ],
)
def test_windows_admit_what_their_kind_says(kind, admitted):
    counter = Counter(TrueWindow("requests", 10, 60, kind))
    begin = EPOCH // 60 * 60 + 30
    count = 0
    for second in range(120):
        if counter.admits(1, begin + second):
            counter.charge(1, begin + second)
            count += 1

    assert count == admitted


@pytest.mark.parametrize("kind", ["fixed", "rolling", "bucket"])
def test_a_wait_that_is_told_is_enough_and_no_longer_than_needed(kind):
    counter = Counter(TrueWindow("requests", 3, 60, kind))
    for _ in range(3):
        counter.charge(1, EPOCH)

    wait = counter.wait_s(1, EPOCH + 1)

    assert not counter.admits(1, EPOCH + 1 + wait - 0.01)
    assert counter.admits(1, EPOCH + 1 + wait + 0.001)


def test_worlds_of_a_seed_are_alike_and_deviate_as_told():
    scenario = Scenario(name="wrong", wrong=0.5, unknown=0.2, skew_s=2.0, retired=0.1, foreign=0.3)
    one, same, other = (make_world(scenario, seed) for seed in (1, 1, 2))

    def facts(world):
        return [(each.skew_s, each.retired, each.foreign) for each in world.upstreams.values()]

    assert facts(one) == facts(same) != facts(other)
    assert one.declared == same.declared


def left(kind: Kind, *charges: float, at: float, limit: int = 2, coming: int = 0) -> bool:
    """Whether a slot of so many a minute is left, after charges at those seconds."""
    counter = Counter(TrueWindow("requests", limit, 60, kind))
    quotas = Quotas({"m": [counter]})
    for second in charges:
        counter.charge(1, MINUTE + second)
    return quotas.is_left("m", {"requests": 1}, MINUTE + at, [("m", {"requests": 1})] * coming)


@pytest.mark.parametrize(
    ("kind", "free_at"),
    [("rolling", 60.0), ("fixed", 60.0), ("bucket", 30.0)],
)
def test_a_slot_is_left_once_it_has_been_free_for_half_a_second(kind, free_at):
    charges = (0.0, 0.0)

    assert not left(kind, *charges, at=free_at - 0.1)
    assert not left(kind, *charges, at=free_at + 0.4)
    assert left(kind, *charges, at=free_at + 0.6)


@pytest.mark.parametrize("kind", ["rolling", "fixed", "bucket"])
def test_a_slot_that_was_taken_and_free_again_is_left_since_then(kind):
    assert not left(kind, 0.0, 0.0, 60.2, 60.2, at=60.3)
    assert left(kind, 0.0, at=5.0)
    assert not left(kind, 0.0, 5.0, at=5.4)


def test_a_slot_that_somebody_is_on_the_way_to_is_not_left():
    assert left("rolling", 0.0, at=5.0)
    assert not left("rolling", 0.0, at=5.0, coming=1)


def test_an_upstream_admits_by_what_it_knows_and_counts_what_it_gave():
    counter = Counter(TrueWindow("tokens", 100, 60, "fixed"))
    network = Network(_world(counter), VirtualTime(MINUTE))
    request = Request(1, 0.0, KINDS[0], prompt=30, answer=40)

    statuses = [network.decide(network.world.upstreams["x"], "m", request).status for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert counter.used(MINUTE) == 140


def test_an_upstream_may_refuse_a_part_of_its_calls_for_nothing():
    counter = Counter(TrueWindow("requests", 10_000, 60, "fixed"))
    network = Network(_world(counter, Scenario(name="x", false=0.1)), VirtualTime(MINUTE))

    async def ask() -> list[Outcome]:
        calls = (network.call("x", "m", Request(number, 0.0, KINDS[0], 1, 1)) for number in range(500))
        return await asyncio.gather(*calls)

    refused = [outcome for outcome in run(ask(), network.time) if outcome.status == 429]

    assert 25 <= len(refused) <= 75
    assert all(outcome.full is counter and outcome.wait_s == 20 for outcome in refused)
    assert counter.used(MINUTE + 30) == 500 - len(refused)


def _world(counter: Counter, scenario: Scenario | None = None) -> World:
    entry = make_world(Scenario(name="x", providers=("llm7",)), 1).upstreams["llm7"].models["gpt-oss:20b"]
    upstream = Upstream(
        name="x",
        quotas=Quotas({"m": [counter]}),
        models={"m": entry},
        skew_s=0.0,
        transit_s=0.0,
        first_byte_s=0.0,
        foreign=0.0,
    )
    return World(scenario=scenario or Scenario(name="x"), seed=1, declared=[], upstreams={"x": upstream})


@pytest.mark.slow
@pytest.mark.parametrize("gateways", [1, 8])
def test_the_gateway_is_simulated_and_its_counts_agree(gateways):
    """In a process of its own: the simulation sets Django up for itself."""
    program = (
        "from benchmarks.pool.simulation import simulate; from benchmarks.pool.world import Scenario;"
        "scenario = Scenario(name='small', providers=('llm7', 'kilo', 'sealion'), minutes=5);"
        f"gateway = simulate(scenario, 7, 'freeai', {gateways}); reference = simulate(scenario, 7, 'reference');"
        "assert gateway.offered == reference.offered > 50, (gateway, reference);"
        "assert gateway.served + gateway.refused + gateway.not_found == gateway.calls, gateway;"
        "assert 0.3 * reference.served < gateway.served <= 1.1 * reference.served, (gateway, reference)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=100
    )

    assert done.returncode == 0, done.stderr[-2000:]


def test_a_table_becomes_a_picture_of_its_shares():
    table = [
        "scenario | policy | answered | share of reference | (worst) | 429 | left | (at once) | 404s",
        "right | freeai | 5871 | 98.5% | 98.0% | 0.53% | 95.17% | 69.52% | 0",
        "right | reference | 5772 | 100.0% | 100.0% | 0.00% | 100.00% | 100.00% | 0",
        "wr<ng | priority | 5871 | 120.0% | 80.0% | 12.00% | 95.17% | 69.52% | 0",
        "wrong | freeai | 5871 | ? | ? | 12.00% | 95.17% | 69.52% | 0",
    ]

    found = bars(table)
    picture = ElementTree.fromstring(drawn(found))  # noqa: S314 - our own

    assert [(bar.scenario, bar.share, bar.refused) for bar in found] == [
        ("right", 98.5, 0.53),
        ("wr<ng", 120.0, 12.0),
    ]
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "98.5 %, 0.53 % refused" in texts
    assert "wr<ng" in texts
