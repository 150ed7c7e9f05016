"""What each call cost and saved, as the ledger freezes it: in answers, failures, calls that were given up, and those of dead processes."""

from typing import Any

import msgspec
import pytest

from apps.analytics.events import UsageEvent
from apps.providers.limits import Limit
from apps.providers.types import Price
from tests.gateway.audio import transcribe
from tests.gateway.conftest import Gateway, until
from tests.gateway.test_embeddings import embed

PRICE = Price(1_000_000, 1_000_000)
"""A micro-dollar a token."""


def paid(event: UsageEvent) -> tuple[int | None, int | None]:
    return event.cost_microusd, event.saved_microusd


def tokens(event: UsageEvent) -> int:
    return event.prompt_tokens + event.completion_tokens


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["any/ok", "freeai-auto"])
async def test_what_was_free_cost_nothing_and_saved_its_price(gateway: Gateway, stream: bool, model: str):
    gateway.add("any", "ok", family="openai", price=PRICE)

    await gateway.client.chat(model=model, stream=stream)

    [event] = gateway.events()
    assert tokens(event) > 0
    assert paid(event) == (0, tokens(event))


async def test_what_was_paid_for_cost_its_price_and_saved_nothing(gateway: Gateway):
    gateway.add("costly", "ok", family="openai", access="prepaid", price=PRICE)

    await gateway.client.chat(model="costly/ok")

    [event] = gateway.events()
    assert paid(event) == (tokens(event), 0)


async def test_what_nobody_knows_the_price_of_is_unknown(gateway: Gateway):
    gateway.add("gratis", "ok", family="openai")
    gateway.add("costly", "ok", family="openai", access="prepaid", price=None)

    await gateway.client.chat(model="gratis/ok")
    await gateway.client.chat(model="costly/ok")

    assert [paid(event) for event in gateway.events()] == [(0, None), (None, 0)]


async def test_each_part_of_a_split_call_costs_its_own_tokens(gateway: Gateway):
    gateway.add("any", "ok", family="cohere", task="embedding", price=Price(1_000_000, 0))

    await embed(gateway, input=["Hello you"] * 200)

    events = gateway.events()
    assert len(events) > 1
    assert [paid(event) for event in events] == [(0, event.prompt_tokens) for event in events]


@pytest.mark.parametrize(("access", "expected"), [("free", (0, None)), ("prepaid", (None, 0))])
async def test_a_recordings_price_is_unknown(gateway: Gateway, access: str, expected: tuple[Any, Any]):
    gateway.add("groq", "ok", task="transcription", access=access, price=PRICE)

    await transcribe(gateway.client, ("model", "groq/ok"))

    [event] = gateway.events()
    assert (event.outcome, paid(event)) == ("success", expected)


@pytest.mark.parametrize("access", ["free", "prepaid"])
@pytest.mark.parametrize("task", ["chat", "transcription"])
async def test_what_was_refused_cost_nothing_even_where_the_price_is_unknown(
    gateway: Gateway, access: str, task: str
):
    gateway.add("groq", "ok", access=access, price=None, task=task)
    gateway.fake.script("groq", ["error_429"])

    if task == "chat":
        await gateway.client.chat(model="groq/ok")
    else:
        await transcribe(gateway.client, ("model", "groq/ok"))

    [event] = gateway.events()
    assert (event.outcome, paid(event)) == ("error", (0, 0))


async def test_a_call_that_was_given_up_cost_what_was_charged(gateway: Gateway):
    gateway.add("costly", "slow_5", family="openai", access="prepaid", price=PRICE)
    exchange = gateway.client.begin_chat(model="costly/slow_5")
    await until(lambda: gateway.fake.journal)

    await exchange.leave()
    await until(lambda: not gateway.runtime._tasks)

    [event] = gateway.events()
    assert (event.outcome, paid(event)) == ("cancelled", (tokens(event), 0))
    assert tokens(event) > 0


async def test_a_call_whose_process_dies_would_cost_what_was_reserved(gateway: Gateway):
    gateway.add(
        "costly", "ok", family="openai", access="prepaid", price=PRICE, limits=[Limit("tokens", "day", 10**6)]
    )

    await gateway.client.chat(model="costly/ok", max_tokens=700)

    [segment] = gateway.spool_dir.rglob("*.jsonl")
    begun = msgspec.json.decode(segment.read_bytes().splitlines()[0], type=UsageEvent)
    assert (begun.outcome, paid(begun)) == ("interrupted", (tokens(begun), 0))
    assert begun.completion_tokens == 700
