"""What a call takes from windows that count neither requests nor tokens: reserved before it, settled after it, kept in its event."""

import asyncio
from base64 import b64encode
from typing import Any

import orjson
import pytest

from apps.core import clock
from apps.gateway.attempts import waiting
from apps.providers.evidence import EVIDENCE
from apps.providers.limits import Limit
from apps.providers.offers import CATALOGUE
from apps.providers.types import Offer, Price, Task
from tests.asgi import Answer
from tests.gateway.audio import transcribe
from tests.gateway.conftest import USER, Gateway

PNG = "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()
ONE_AT_A_TIME = Limit("concurrency", "now", 1, each=True)


def only_offer(task: Task = "chat") -> Offer:
    [offer] = CATALOGUE.value.offers_for(USER, task)
    return offer


async def used(gateway: Gateway, task: Task = "chat") -> dict[str, int]:
    """By metric and length, what is used of the limited windows of the only offer."""
    subject = only_offer(task).subject
    [standing] = await gateway.runtime.store.view([subject], clock.now())
    return {
        str(window.span): count
        for window, count in zip(subject.windows, standing.used, strict=True)
        if window.limit
    }


async def show(gateway: Gateway, images: int) -> Answer:
    parts: list[dict[str, Any]] = [{"type": "text", "text": "what is this?"}]
    parts += [{"type": "image_url", "image_url": {"url": PNG}}] * images
    return await gateway.client.chat(messages=[{"role": "user", "content": parts}])


async def embed(gateway: Gateway, *inputs: str) -> Answer:
    return await gateway.client.request("POST", "/v1/embeddings", orjson.dumps({"input": inputs}))


def speech(seconds: int) -> bytes:
    """A recording of 500 bytes a second, which its header says."""
    head = b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + b"\x01\x00\x01\x00" + b"\x40\x1f\x00\x00"
    return (head + (500).to_bytes(4, "little")).ljust(500 * seconds, b"\x00")


class TestCallsAtATime:
    async def test_beyond_the_limit_are_refused_for_a_moment(self, gateway: Gateway, monkeypatch):
        monkeypatch.setattr(waiting, "MOST_RETRY_JITTER_S", 0.0)
        gateway.add("groq", "ok", limits=[ONE_AT_A_TIME])

        answers = await asyncio.gather(gateway.client.chat(), gateway.client.chat())

        assert sorted(answer.status for answer in answers) == [200, 429]
        [refused] = [answer for answer in answers if answer.status == 429]
        assert refused.headers["retry-after"] == "1"

    @pytest.mark.parametrize("model", ["ok", "error_500", "error_429_minute", "html_200", "cut", "empty"])
    @pytest.mark.parametrize("stream", [False, True])
    async def test_end_with_the_call_whatever_became_of_it(self, gateway: Gateway, model: str, stream: bool):
        gateway.add("groq", model, limits=[ONE_AT_A_TIME])

        await gateway.client.chat(stream=stream)

        assert await used(gateway) == {"concurrency/now": 0}

    async def test_end_with_a_call_whose_client_left(self, gateway: Gateway):
        gateway.add("groq", "ok", limits=[ONE_AT_A_TIME])
        waiting = asyncio.create_task(gateway.client.chat())
        await asyncio.sleep(0)

        waiting.cancel()
        await asyncio.wait([waiting])
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not await gateway.open_grants():
                break

        assert await used(gateway) == {"concurrency/now": 0}

    async def test_are_nothing_to_keep(self, gateway: Gateway):
        gateway.add("groq", "ok", limits=[ONE_AT_A_TIME])

        await gateway.client.chat()

        assert [event.charged for event in gateway.events()] == [{}]


async def test_images_are_those_that_the_request_shows(gateway: Gateway):
    gateway.add("groq", "ok", limits=[Limit("images", "day", 3)])

    assert (await show(gateway, 2)).status == 200
    assert (await show(gateway, 2)).status == 429

    assert await used(gateway) == {"images/day": 2}
    assert [event.charged for event in gateway.events()] == [{"images": 2}]


async def test_text_is_answered_where_no_image_is_left(gateway: Gateway):
    gateway.add("groq", "ok", limits=[Limit("images", "day", 1)])
    await show(gateway, 1)

    assert (await gateway.client.chat()).status == 200


async def test_inputs_are_those_of_each_call(gateway: Gateway):
    gateway.add("mistral", "ok", task="embedding", limits=[Limit("inputs", "minute", 5)])

    assert (await embed(gateway, "a", "b", "c")).status == 200
    assert (await embed(gateway, "a", "b", "c")).status == 429
    assert (await embed(gateway, "a", "b")).status == 200

    assert await used(gateway, "embedding") == {"inputs/minute": 5}
    assert [event.charged for event in gateway.events()] == [{"inputs": 3}, {"inputs": 2}]


async def test_seconds_are_those_of_the_recording(gateway: Gateway):
    gateway.add("groq", "ok", task="transcription", limits=[Limit("audio_seconds", "hour", 60)])

    assert (await transcribe(gateway.client, file=speech(40), name="a.wav")).status == 200
    assert (await transcribe(gateway.client, file=speech(40), name="a.wav")).status == 429

    assert (await used(gateway, "transcription"))["audio_seconds/hour"] <= 40
    [event] = gateway.events()
    assert event.charged == {"audio_seconds": (await used(gateway, "transcription"))["audio_seconds/hour"]}


async def test_money_is_what_the_answer_costs_by_list_price(gateway: Gateway):
    limits = [Limit("money", "month", 10**9), Limit("neurons", "day", 10**9)]
    gateway.add("groq", "ok", limits=limits, price=Price(500_000_000, 2_000_000_000))

    await gateway.client.chat()

    [event] = gateway.events()
    assert event.saved_microusd
    assert event.charged == {"money": event.saved_microusd, "neurons": -(-event.saved_microusd // 11)}
    assert await used(gateway) == {
        "money/month": event.charged["money"],
        "neurons/day": event.charged["neurons"],
    }


async def test_money_that_is_spent_leaves_what_costs_nothing(gateway: Gateway):
    gateway.add("groq", "ok", limits=[Limit("money", "month", 1)])

    assert only_offer().counts == ()
    assert [(await gateway.client.chat()).status for _ in range(2)] == [200, 200]


async def test_money_is_reserved_for_what_the_answer_may_cost(gateway: Gateway):
    gateway.add("groq", "ok", limits=[Limit("money", "month", 1_000)], price=Price(0, 1_000_000))

    assert (await gateway.client.chat(max_tokens=5_000)).status == 429
    assert (await gateway.client.chat(max_tokens=500)).status == 200


async def test_tokens_of_prompt_and_answer_are_told_apart(gateway: Gateway):
    gateway.add(
        "groq", "ok", limits=[Limit("input_tokens", "day", 10**6), Limit("output_tokens", "day", 10**6)]
    )

    await gateway.client.chat()

    [event] = gateway.events()
    assert await used(gateway) == {
        "input_tokens/day": event.prompt_tokens,
        "output_tokens/day": event.completion_tokens,
    }
    assert event.charged == {}


async def test_a_failed_call_takes_a_request_and_nothing_else(gateway: Gateway):
    gateway.add(
        "mistral",
        "error_500",
        task="embedding",
        limits=[Limit("inputs", "day", 9), Limit("requests", "day", 9)],
    )

    await embed(gateway, "a", "b")

    assert await used(gateway, "embedding") == {"inputs/day": 0, "requests/day": 1}
    assert [event.charged for event in gateway.events()] == [{}]


async def test_a_refusal_that_tells_its_limit_is_evidence(gateway: Gateway):
    EVIDENCE.clear()
    gateway.add("gemini", "ok")
    gateway.fake.script("gemini", ["error_429_day"])

    await gateway.client.chat()

    [(key, told)] = EVIDENCE._waiting.items()
    assert key == (f"{USER}:gemini", "ok", ("requests", "day"))
    assert (told.limit, told.source) == (20, "refusal")
    EVIDENCE.clear()
