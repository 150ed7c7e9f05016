"""Each request has an id of its own, and exactly one of its attempts is its last, however it went."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from apps.gateway.attempts import dispatch, policy
from apps.gateway.edge.disconnects import interrupt_all
from tests.asgi import chat_body
from tests.edges import BOTH
from tests.gateway.conftest import Gateway, Limit, until
from tests.gateway.test_retries import embed, one_by_one

pytestmark = BOTH


def marks(gateway: Gateway) -> list[tuple[str, bool]]:
    """Outcome, and whether it is its request's last, of each attempt; of one request."""
    events = gateway.events()
    assert len({event.request_uuid for event in events}) == 1
    return [(event.outcome, event.is_last) for event in events]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_only_attempt_is_the_last(gateway: Gateway, stream: bool):
    gateway.add("groq")

    await gateway.client.chat(stream=stream)

    assert marks(gateway) == [("success", True)]
    [segment] = gateway.spool_dir.rglob("*.jsonl")
    assert len(segment.read_bytes().splitlines()) == 2


async def test_requests_are_told_apart_that_bear_the_same_id(gateway: Gateway):
    gateway.add("groq")

    for _ in range(2):
        answer = await gateway.client.request(
            "POST", "/v1/chat/completions", chat_body(), {"x-request-id": "mine"}
        )
        assert answer.headers["x-request-id"] == "mine"

    first, second = gateway.events()
    assert first.request_id == second.request_id == "mine"
    assert first.request_uuid != second.request_uuid
    assert first.is_last
    assert second.is_last


async def test_an_id_of_the_gateways_is_the_one_that_it_tells(gateway: Gateway):
    gateway.add("groq")

    answer = await gateway.client.chat()

    [event] = gateway.events()
    assert event.request_uuid == event.request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize("stream", [False, True])
async def test_of_a_fallback_the_second(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500")
    gateway.add("mistral")

    await gateway.client.chat(stream=stream)

    assert marks(gateway) == [("error", False), ("success", True)]


@pytest.mark.parametrize("stream", [False, True])
async def test_of_retries_in_place_the_one_that_answered(gateway: Gateway, stream: bool):
    gateway.add("groq", "flaky_2", max_retries=2)

    await gateway.client.chat(stream=stream)

    assert marks(gateway) == [("error", False), ("error", False), ("success", True)]


@pytest.mark.parametrize("stream", [False, True])
async def test_where_all_fail_the_one_behind_which_none_came(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "error_500")

    assert (await gateway.client.chat(stream=stream)).status == 502
    assert marks(gateway) == [("error", False), ("error", True)]


async def test_where_the_next_candidate_has_no_quota_the_one_before_it(gateway: Gateway):
    gateway.add("mistral", "ok", weight=1.0, limits=[Limit("requests", "day", 1)])
    await gateway.client.chat()
    before = len(gateway.events())
    gateway.add("groq", "error_500")

    await gateway.client.chat()

    assert [(event.outcome, event.is_last) for event in gateway.events()[before:]] == [("error", True)]


async def test_of_the_parts_of_a_split_call_the_last_one(gateway: Gateway):
    gateway.add("mistral", "ok", task="embedding", preset=one_by_one("mistral"), max_retries=1)
    gateway.fake.script("mistral", ["ok", "error_500", "ok", "ok"])

    assert (await embed(gateway, "a", "b", "c")).status == 200

    assert marks(gateway) == [("success", False), ("error", False), ("success", False), ("success", True)]


async def test_of_parts_that_are_given_up_the_one_behind_which_none_came(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dispatch, "MAX_QUOTA_WAIT_S", 0.0)
    limits = [Limit("requests", "day", 2)]
    gateway.add("mistral", "ok", task="embedding", preset=one_by_one("mistral"), limits=limits)

    assert (await embed(gateway, "a", "b", "c")).status == 429

    assert marks(gateway) == [("success", False), ("success", True)]


@pytest.mark.parametrize("behaviour", ["cut", "stall_after_content"])
async def test_a_stream_that_breaks_behind_its_first_content(gateway: Gateway, behaviour: str):
    gateway.configure(stream_idle_timeout_s=0.2)
    gateway.add("groq", "error_500")
    gateway.add("mistral", behaviour)
    gateway.add("nvidia")

    await gateway.client.chat(stream=True)

    assert marks(gateway) == [("error", False), ("error", True)]


async def leave(gateway: Gateway) -> None:
    exchange = gateway.client.begin_chat(stream=True)
    await until(lambda: len(gateway.fake.journal) == 2)
    await exchange.leave()


async def stop(gateway: Gateway) -> None:
    exchange = gateway.client.begin_chat(stream=True)
    await until(lambda: len(gateway.fake.journal) == 2)
    gateway.runtime.stopping = True
    interrupt_all()
    await asyncio.wait([exchange.task], timeout=5)


@pytest.mark.parametrize("end", [leave, stop])
@pytest.mark.parametrize("behaviour", ["stall_headers", "stall", "frames_500_10"])
async def test_a_request_that_is_given_up_during_its_second_attempt(
    gateway: Gateway, end: Callable[[Gateway], Awaitable[None]], behaviour: str
):
    gateway.add("groq", "error_500")
    gateway.add("mistral", behaviour)

    await end(gateway)
    await until(lambda: not gateway.runtime._tasks)

    assert marks(gateway) == [("error", False), ("cancelled", True)]


async def test_a_client_that_leaves_between_two_attempts(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy, "_delay", lambda *_: 60.0)
    gateway.configure(total_timeout_s=100.0)
    gateway.add("groq", "error_500", max_retries=1)
    exchange = gateway.client.begin_chat()
    await until(lambda: [event.outcome for event in gateway.events()] == ["error"])

    await exchange.leave()

    assert marks(gateway) == [("error", True)]
    await until(lambda: gateway.runtime.spool.depth() == 1)
