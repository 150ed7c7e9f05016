"""When a repetition may succeed: true, and never longer than the window."""

import orjson
import pytest
import structlog

from apps.core import clock
from apps.gateway.attempts import waiting
from apps.providers.offers import CATALOGUE
from tests.asgi import Answer
from tests.gateway.conftest import Gateway, Limit
from tests.gateway.refusing import ANSWER, add, refuse
from tests.gateway.upstream_pages import Pages


@pytest.fixture(autouse=True)
def _at_the_first_moment(monkeypatch):
    monkeypatch.setattr(waiting, "MOST_RETRY_JITTER_S", 0.0)


async def test_not_everybody_is_told_the_same_moment_and_a_retry_succeeds_at_each(
    gateway: Gateway, monkeypatch
):
    monkeypatch.setattr(waiting, "MOST_RETRY_JITTER_S", 30.0)
    now = 1_785_585_600.0
    monkeypatch.setattr(clock, "now", lambda: now)
    gateway.add("groq", "ok", limits=[Limit("requests", "minute", 20, kind="rolling")])
    for _ in range(20):
        await gateway.client.chat()

    waits = sorted([int((await gateway.client.chat()).headers["retry-after"]) for _ in range(20)])
    begin, answers = now, []
    for wait in waits:
        now = begin + wait
        answers.append((await gateway.client.chat()).status)

    assert len(set(waits)) > 5
    assert 60 < waits[0] <= waits[-1] <= 92
    assert answers == [200] * 20


class TestRetryAfter:
    async def test_is_true_for_a_spent_day_from_the_first_answer_on(
        self, gateway: Gateway, upstream: Pages, monkeypatch
    ):
        now = 1_785_542_400.0 + 915.25  # a quarter past midnight, UTC
        monkeypatch.setattr(clock, "now", lambda: now)
        add(gateway, "first", upstream)
        refuse(upstream, 429, {"error": {"message": "Rate limit exceeded: requests per day"}})

        answers = [await gateway.client.chat() for _ in range(2)]

        first, second = (int(answer.headers["retry-after"]) for answer in answers)
        assert first == second
        assert first in (85_485, 85_486)  # midnight, and a moment of up to 0.3 s
        now += first
        upstream.answer(200, orjson.dumps(ANSWER))
        assert (await gateway.client.chat()).status == 200

    async def test_is_the_first_that_opens_of_several(self, gateway: Gateway, upstream: Pages, other: Pages):
        add(gateway, "first", upstream)
        add(gateway, "second", other)
        refuse(upstream, 429, {"error": {"message": "Rate limit exceeded: requests per day"}})
        upstream.headers = {}
        other.answer(429, b"{}", headers={"retry-after": "7"})

        assert (await gateway.client.chat()).headers[
            "retry-after"
        ] == "8"  # and a moment, so that not all are back at once

    @pytest.mark.parametrize("phase", [0.0, 0.001, 0.5, 0.999])
    @pytest.mark.parametrize("rolling", [False, True])
    async def test_of_a_minute_is_no_more_than_that_and_enough(
        self, gateway: Gateway, monkeypatch, phase: float, rolling: bool
    ):
        now = 1_785_585_600.0 + phase
        monkeypatch.setattr(clock, "now", lambda: now)
        gateway.add(
            "groq", "ok", limits=[Limit("requests", "minute", 2, kind="rolling" if rolling else "fixed")]
        )
        for _ in range(2):
            assert (await gateway.client.chat()).status == 200

        wait = int((await gateway.client.chat()).headers["retry-after"])
        now += wait

        assert 59 <= wait <= 61  # and the time that a request may be on its way
        assert (await gateway.client.chat()).status == 200

    async def test_is_when_there_are_as_many_tokens_as_the_request_needs(self, gateway: Gateway, monkeypatch):
        start = now = 1_785_585_600.0
        monkeypatch.setattr(clock, "now", lambda: now)
        gateway.add("groq", "ok", limits=[Limit("tokens", "minute", 300, kind="rolling")])
        windows = CATALOGUE.value.offers_for(1)[0].subject.windows
        for second in (0, 10, 20):
            await gateway.runtime.store.take(windows, {"tokens": 100}, start + second)

        answers = []
        for moment in (30, 69.5, 70.25):
            now = start + moment
            answers.append(await say(gateway, "a" * 400, max_tokens=60))  # about 100 tokens, and 60

        assert [answer.status for answer in answers] == [429, 429, 200]
        assert [answer.headers["retry-after"] for answer in answers[:2]] == ["41", "1"]


async def say(gateway: Gateway, text: str, max_tokens: int) -> Answer:
    return await gateway.client.chat(messages=[{"role": "user", "content": text}], max_tokens=max_tokens)


@pytest.mark.parametrize("back_s", [60, 3600, 86_400])
async def test_clock_that_is_put_back_shuts_nothing_for_longer_than_a_window(
    gateway: Gateway, monkeypatch, back_s: int
):
    now = 1_785_585_630.0
    monkeypatch.setattr(clock, "now", lambda: now)
    gateway.add("groq", "ok", limits=[Limit("requests", "minute", 1)])
    assert (await gateway.client.chat()).status == 200
    now -= back_s

    with structlog.testing.capture_logs() as logs:
        refused = await gateway.client.chat()
    now += int(refused.headers["retry-after"])
    answer = await gateway.client.chat()

    assert (refused.status, answer.status) == (429, 200)
    assert int(refused.headers["retry-after"]) <= 61
    assert [line["seconds"] for line in logs if line["event"] == "clock.went_back"] == [back_s]
