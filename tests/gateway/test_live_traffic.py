"""Live traffic: what attempts tell, gathered by request, told to those who watch, and to nobody else."""

import asyncio
from typing import Any

import pytest
from channels.layers import channel_layers, get_channel_layer

from apps.analytics.events import UsageEvent
from apps.core import clock, ids
from apps.gateway.traffic.broadcast import Broadcast
from apps.gateway.traffic.choosing import Chooser
from apps.gateway.traffic.feed import Feed
from apps.gateway.traffic.redis_watchers import RedisWatchers
from apps.gateway.traffic.seen import MOST_HOPS, MOST_OPEN, Gathering
from apps.gateway.traffic.watchers import EVERYBODY, LocalWatchers, group_of
from tests.gateway.conftest import USER, until
from tests.redis_server import REDIS_URL, needs_redis


def event(request=None, **fields: Any) -> UsageEvent:
    plain: dict[str, Any] = {
        "id": ids.uuid7(),
        "at": clock.now(),
        "request_id": "told",
        "user_id": 1,
        "provider": "p",
        "model": "m",
    }
    return UsageEvent(**plain | {"request_uuid": request or ids.uuid7()} | fields)


class TestFeed:
    def test_nobody_hears_of_a_feed_without_listeners(self):
        feed = Feed()
        heard: list[str] = []

        def listener(step, event):
            heard.append(step)

        feed.add(listener)
        feed.tell("began", event())
        feed.remove(listener)
        feed.remove(listener)
        feed.tell("over", event())

        assert heard == ["began"] and feed.listeners == ()

    def test_a_listener_that_fails_does_not_reach_the_attempt(self):
        feed = Feed()
        heard: list[str] = []

        def fails(step, event):
            raise ZeroDivisionError

        feed.add(fails)
        feed.add(lambda step, event: heard.append(step))

        feed.tell("began", event())

        assert heard == ["began"]


class TestGathering:
    def test_attempts_of_a_request_are_one_request(self):
        gathering, request = Gathering(), ids.uuid7()
        first = event(request, provider="a")
        second = event(request, provider="b")

        gathering.take("began", first)
        gathering.take(
            "ended",
            event(request, id=first.id, provider="a", outcome="error", upstream_status=503, latency_ms=4.0),
        )
        gathering.take("began", second)
        gathering.take("spoke", event(request, id=second.id, provider="b", ttfb_ms=10.0))
        seen = gathering.take(
            "over", event(request, id=second.id, provider="b", ttfb_ms=10.0, latency_ms=30.0, prompt_tokens=7)
        )

        assert [(hop.provider, hop.outcome, hop.status) for hop in seen.hops] == [
            ("a", "error", 503),
            ("b", "success", None),
        ]
        assert (seen.state, seen.tokens_in, seen.ttft_ms is not None) == ("ok", 7, True)

    @pytest.mark.parametrize(
        ("outcome", "state"),
        [
            ("success", "ok"),
            ("error", "failed"),
            ("cancelled", "cancelled"),
            ("refused", "refused"),
            ("interrupted", "failed"),
        ],
    )
    def test_a_request_ends_as_its_last_attempt_does(self, outcome, state):
        assert Gathering().take("over", event(outcome=outcome)).state == state

    def test_one_that_was_refused_has_no_attempt(self):
        assert Gathering().take("over", event(provider="", outcome="refused")).hops == []

    def test_what_is_kept_has_a_bound(self):
        gathering, request = Gathering(), ids.uuid7()
        for _ in range(MOST_OPEN + 10):
            gathering.take("began", event())
        for _ in range(MOST_HOPS + 5):
            seen = gathering.take("ended", event(request, outcome="error"))

        assert len(gathering._open) <= MOST_OPEN
        assert (len(seen.hops), seen.skipped) == (MOST_HOPS, 5)

    def test_what_is_over_is_forgotten(self):
        gathering = Gathering()
        gathering.take("over", event())

        assert len(gathering._open) == 0


def request(name, state="running"):
    return {"id": name, "state": state}


class TestChooser:
    def test_beyond_the_budget_is_a_number_and_each_is_counted_once(self):
        chooser = Chooser(2)
        flood = [request(str(number)) for number in range(5)]

        assert chooser.choose(flood, 0.0) == (flood[:2], 3)
        assert chooser.choose(flood, 0.5) == (flood[:2], 0)
        assert chooser.choose([request("5")], 1.0)[0] == [request("5")]

    def test_what_was_told_is_told_its_end(self):
        chooser = Chooser(1)
        chooser.choose([request("a")], 0.0)

        chosen, rest = chooser.choose([request("b"), request("a", "ok")], 0.1)

        assert (chosen, rest) == ([request("a", "ok")], 1)

    def test_nothing_is_remembered_of_what_is_over(self):
        chooser = Chooser(1)
        for number in range(100):
            chooser.choose([request(f"{number}", "ok"), request(f"{number}-", "ok")], 0.0)

        assert len(chooser._told) + len(chooser._passed) == 0


@pytest.fixture(autouse=True)
def fresh_layer():
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


async def heard(layer: Any, channel: str, seconds: float = 4.0) -> list[Any]:
    """The requests of the next message that has any."""
    async with asyncio.timeout(seconds):
        while True:
            message = await layer.receive(channel)
            if message["requests"]:
                return list(message["requests"])


class TestBroadcast:
    async def test_nothing_is_listened_to_while_nobody_watches(self, gateway):
        gateway.add("groq")
        loop = asyncio.create_task(Broadcast(gateway.runtime, LocalWatchers()).run())
        await asyncio.sleep(0.05)

        await gateway.client.chat()

        assert gateway.runtime.feed.listeners == ()
        loop.cancel()

    async def test_who_watches_hears_of_a_request_until_the_mark_ends(self, gateway):
        gateway.add("groq")
        watchers, layer = LocalWatchers(), get_channel_layer()
        await layer.group_add(f"live.{EVERYBODY}", "everybody")
        await layer.group_add(f"live.{group_of(USER)}", "own")
        await layer.group_add(f"live.{group_of(2)}", "other")
        for group in (EVERYBODY, group_of(USER), group_of(2)):
            await watchers.renew(group, clock.now())
        loop = asyncio.create_task(Broadcast(gateway.runtime, watchers).run())
        await until(lambda: gateway.runtime.feed.listeners)

        await gateway.client.chat()

        (told,) = await heard(layer, "everybody")
        assert (told["state"], told["client_name"], told["hops"][0]["provider"]) == ("ok", "tests", "groq")
        assert (await heard(layer, "own"))[0]["id"] == told["id"]
        with pytest.raises(TimeoutError):
            await heard(layer, "other", 0.6)
        watchers._until.clear()
        await until(lambda: not gateway.runtime.feed.listeners)
        loop.cancel()

    async def test_the_time_to_a_connection_stands_beside_that_to_the_first_token(self, gateway):
        gateway.add("groq")

        for _ in range(2):
            await gateway.client.chat(stream=True)

        for event in gateway.events():
            assert event.connect_ms is not None and event.ttfb_ms is not None
            assert 0 < event.connect_ms <= event.ttfb_ms

    async def test_what_connected_to_nobody_has_no_such_time(self, gateway):
        gateway.add("groq", base_url="http://127.0.0.1:1/v1")

        await gateway.client.chat()

        assert [event.connect_ms for event in gateway.events()] == [None]

    async def test_a_request_that_was_refused_is_told_too(self, gateway):
        watchers, layer = LocalWatchers(), get_channel_layer()
        await layer.group_add(f"live.{EVERYBODY}", "everybody")
        await watchers.renew(EVERYBODY, clock.now())
        loop = asyncio.create_task(Broadcast(gateway.runtime, watchers).run())
        await until(lambda: gateway.runtime.feed.listeners)

        await gateway.client.chat()

        (told,) = await heard(layer, "everybody")
        assert (told["state"], told["hops"]) == ("refused", [])
        loop.cancel()

    async def test_no_word_of_prompt_or_answer_is_told(self, gateway):
        gateway.add("groq")
        watchers, layer = LocalWatchers(), get_channel_layer()
        await layer.group_add(f"live.{EVERYBODY}", "everybody")
        await watchers.renew(EVERYBODY, clock.now())
        loop = asyncio.create_task(Broadcast(gateway.runtime, watchers).run())
        await until(lambda: gateway.runtime.feed.listeners)

        await gateway.client.chat(messages=[{"role": "user", "content": "canary-prompt"}])

        assert "canary" not in str(await heard(layer, "everybody"))
        loop.cancel()


class TestMarks:
    async def test_a_mark_ends_after_ten_seconds(self):
        watchers = LocalWatchers()
        await watchers.renew("all", 100.0)

        assert await watchers.watched(109.9) == {"all"}
        assert await watchers.watched(110.1) == frozenset()

    @needs_redis
    async def test_processes_see_each_others_marks(self, monkeypatch):
        monkeypatch.setattr("apps.gateway.traffic.redis_watchers.KEY", f"freeai:test:{ids.uuid7()}")
        here, there = RedisWatchers(REDIS_URL), RedisWatchers(REDIS_URL)
        await here.renew("user-7", 100.0)

        assert await there.watched(105.0) == {"user-7"}
        assert await there.watched(111.0) == frozenset()
        await here.aclose()
        await there.aclose()


@needs_redis
async def test_a_page_on_one_process_hears_of_another(gateway, settings, monkeypatch):
    """Two layers and two sets of watchers stand for two processes: nothing but Redis is between them."""
    monkeypatch.setattr("apps.gateway.traffic.redis_watchers.KEY", f"freeai:test:{ids.uuid7()}")
    redis = {"hosts": [REDIS_URL], "prefix": f"freeai-test-{ids.uuid7()}"}
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": redis}}
    gateway.add("groq")
    there = channel_layers.make_backend("default")
    page, process = RedisWatchers(REDIS_URL), RedisWatchers(REDIS_URL)
    channel = await there.new_channel()
    await there.group_add(f"live.{group_of(USER)}", channel)
    await page.renew(group_of(USER), clock.now())
    loop = asyncio.create_task(Broadcast(gateway.runtime, process).run())
    await until(lambda: gateway.runtime.feed.listeners)

    await gateway.client.chat()

    (told,) = await heard(there, channel)
    assert (told["state"], told["hops"][0]["provider"]) == ("ok", "groq")
    loop.cancel()
    for each in (page, process):
        await each.aclose()
    await there.flush()
    await get_channel_layer().flush()


async def test_a_redis_that_is_away_stops_nothing(gateway):
    gateway.add("groq")
    away = RedisWatchers("redis://127.0.0.1:1/0")
    loop = asyncio.create_task(Broadcast(gateway.runtime, away).run())
    await asyncio.sleep(0.1)

    answer = await gateway.client.chat()

    assert answer.status == 200 and not loop.done()
    loop.cancel()
    await away.aclose()
