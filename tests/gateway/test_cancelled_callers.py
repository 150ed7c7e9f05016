"""Clients that leave while the state store is at work: nothing leaks, nothing is lost, nothing is counted twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from apps.core import clock
from apps.core.state.contract import Completion, Grant, Window
from apps.core.state.keys import Span, client_key
from apps.core.state.memory import MemoryStore
from apps.gateway import runtime
from apps.gateway.runtime import Runtime
from apps.providers.offers import CATALOGUE
from fakes import Limits
from tests.edges import BOTH
from tests.gateway.conftest import USER, Gateway, Limit, use_key

pytestmark = BOTH

WHEN = ["before", "after"]


class SlowStore(MemoryStore):
    """A store at the other end of a connection: the first call of `held` waits for ever, `before` or `after` it took effect."""

    def __init__(self, held: str, when: str) -> None:
        super().__init__()
        self._held, self._when = held, when
        self.reached = asyncio.Event()
        self.completions: list[Completion] = []

    async def acquire(self, *args: Any) -> Any:
        return await self._slowly("acquire", super().acquire, *args)

    async def complete(self, *args: Any) -> None:
        await self._slowly("complete", super().complete, *args)

    async def take(self, *args: Any) -> Any:
        return await self._slowly("take", super().take, *args)

    async def tighten(self, *args: Any) -> None:
        await self._slowly("tighten", super().tighten, *args)

    def _settle(self, grant: Grant, completion: Completion, now: float) -> None:
        self.completions.append(completion)
        super()._settle(grant, completion, now)

    async def _slowly(self, name: str, call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        await asyncio.sleep(0)
        answer = None
        hold = name == self._held and not self.reached.is_set()
        if not hold or self._when == "after":
            answer = await call(*args)
        if hold:
            self.reached.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return answer


@pytest.fixture
async def slow(
    gateway: Gateway, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[str, str], SlowStore]]:
    """Makes the gateway use a slow store."""
    made: list[Runtime] = []

    def use(held: str, when: str) -> SlowStore:
        store = SlowStore(held, when)
        made.append(Runtime(store=store))
        runtime.install(made[-1])
        return store

    yield use
    for one in made:
        await one.stop()


async def leave_in(gateway: Gateway, store: SlowStore, **fields: Any) -> None:
    """A client that goes away while the store holds its call; everything that it left behind is done at the end."""
    exchange = gateway.client.begin_chat(**fields)
    await asyncio.wait_for(store.reached.wait(), 5)
    await exchange.leave()
    await asyncio.sleep(0.05)  # what was left behind runs by itself


async def used(store: SlowStore) -> dict[str, int]:
    (offer,) = CATALOGUE.value.offers_for(USER)
    (standing,) = await store.view([offer.subject], clock.now())
    return {
        str(window.span): count
        for window, count in zip(offer.subject.windows, standing.used, strict=True)
        if window.key.startswith(f"{offer.subject.credential}#") and window.period != "second"
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("when", WHEN)
async def test_a_grant_that_nobody_waits_for_goes_back(gateway: Gateway, slow, when: str, stream: bool):
    gateway.add("groq", limits=[Limit("requests", "day", 1), Limit("tokens", "minute", 9_999)])
    store = slow("acquire", when)

    await leave_in(gateway, store, stream=stream)

    assert await store.open_grants() == 0
    assert set((await used(store)).values()) == {0}
    assert gateway.events() == []
    assert (await gateway.client.chat()).status == 200  # the only request of the day


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("when", WHEN)
async def test_an_answer_is_settled_once_though_its_client_left(
    gateway: Gateway, slow, when: str, stream: bool
):
    gateway.add("groq")
    store = slow("complete", when)

    await leave_in(gateway, store, stream=stream)

    (event,) = gateway.events()
    (completion,) = store.completions
    spent = event.prompt_tokens + (event.completion_tokens or 0)
    assert (event.outcome, completion.health) == ("success", "success")
    assert completion.spent == {"requests": 1, "tokens": spent}
    assert await store.open_grants() == 0
    assert await used(store) == {"requests/minute": 1, "requests/day": 1, "tokens/day": spent}


@pytest.mark.parametrize("when", WHEN)
async def test_a_failure_is_settled_once_though_its_client_left(gateway: Gateway, slow, when: str):
    gateway.add("groq", "error_401")
    store = slow("complete", when)

    await leave_in(gateway, store)

    (event,) = gateway.events()
    (completion,) = store.completions
    assert (event.outcome, event.error_kind) == ("error", "auth")
    assert [block.reason for block in completion.blocks] == ["quarantine"]
    assert await store.open_grants() == 0
    assert (await gateway.client.chat()).status == 503


@pytest.mark.parametrize("when", WHEN)
async def test_what_an_upstream_reports_is_taken_over_though_the_client_left(
    gateway: Gateway, slow, when: str
):
    gateway.fake.limit("mistral", Limits(requests_per_minute=1))
    gateway.add("mistral")
    store = slow("tighten", when)

    await leave_in(gateway, store)

    assert await store.open_grants() == 0
    (offer,) = CATALOGUE.value.offers_for(USER)
    (standing,) = await store.view([offer.subject], clock.now())
    assert standing.reason == "quota"


@pytest.mark.parametrize("when", WHEN)
async def test_a_client_keys_limit_keeps_nothing_open(gateway: Gateway, slow, when: str):
    gateway.add("groq")
    use_key(windows=(Window.of(client_key(USER, 7), Span("requests", "minute"), 2, kind="rolling"),))
    store = slow("take", when)

    exchange = gateway.client.begin_chat()
    await asyncio.wait_for(store.reached.wait(), 5)
    exchange.task.cancel()
    await asyncio.wait([exchange.task])

    assert await store.open_grants() == 0
    left = [(await gateway.client.chat()).headers["x-ratelimit-remaining-requests"]]
    assert left == ["1" if when == "before" else "0"]  # counted, or not: never by half
