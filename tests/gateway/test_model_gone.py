"""A model that an upstream does not have: left alone for hours, and no longer than that."""

from itertools import pairwise

import orjson

from apps.core import clock
from apps.providers.offers import CATALOGUE
from tests.gateway.conftest import SHIPPED, Gateway, Limit
from tests.gateway.refusing import ANSWER, add, refuse
from tests.gateway.upstream_pages import Pages

HOUR_S = 3600


GONE_FOR_NOW = (
    "first does not offer one to this key (status 404). It is asked again at growing intervals, or at once after POST"
    " /api/me/providers/first/reset."
)


class TestModelGone:
    async def test_is_left_alone_for_hours_that_double_and_its_siblings_go_on(
        self, gateway: Gateway, upstream: Pages, monkeypatch
    ):
        add(gateway, "first", upstream, "one")
        gateway.add("mistral", "ok")
        refuse(upstream, 404, {"error": {"message": "The model `one` does not exist"}})
        start = now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now)
        asked = []

        for minute in range(0, 12 * 60, 10):
            now = start + minute * 60 + 1
            before = len(upstream.calls)
            await gateway.client.chat()
            if len(upstream.calls) > before:
                asked.append(minute)

        assert [later - earlier for earlier, later in pairwise(asked)] == [60, 120, 240]

    async def test_is_open_again_after_it_has_answered(self, gateway: Gateway, upstream: Pages, monkeypatch):
        add(gateway, "first", upstream, "one")
        start = now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now)
        gone, there = (404, b""), (200, orjson.dumps(ANSWER))

        for hours, (status, body), asked in (
            (0, gone, 1),
            (1, there, 2),
            (1, gone, 3),
            (2, there, 4),
        ):
            now = start + hours * HOUR_S + 5
            upstream.answer(status, body)
            await gateway.client.chat()
            assert len(upstream.calls) == asked, hours

    async def test_request_is_refunded(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "one", "two", limits=[Limit("requests", "day", 5)])
        refuse(upstream, 404, b"")

        await gateway.client.chat()

        subject = CATALOGUE.value.offers_for(1)[0].subject
        (seen,) = await gateway.runtime.store.view([subject], clock.now())
        assert set(seen.used) == {0}

    async def test_who_named_it_is_told_so_both_times(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "one")
        refuse(upstream, 404, {"error": {"message": "no such model", "code": "model_not_found"}})

        first = await gateway.client.chat(model="first/one")
        second = await gateway.client.chat(model="first/one")

        for answer in (first, second):
            assert (answer.status, answer.error["code"]) == (404, "model_not_found")
            assert answer.error["message"] in ("first: no such model", GONE_FOR_NOW)
        assert len(upstream.calls) == 1

    async def test_virtual_model_never_answers_404(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "one")
        refuse(upstream, 404, b"")

        statuses = [(await gateway.client.chat(model="freeai-auto")).status for _ in range(2)]

        assert statuses == [503, 503]

    async def test_misspelt_embedding_model_closes_nothing(self, gateway: Gateway, upstream: Pages):
        preset = SHIPPED["mistral"]
        gateway.add("mistral", "mistral-embed", task="embedding", base_url=upstream.url, preset=preset)
        refuse(upstream, 404, b"")

        for _ in range(2):
            body = orjson.dumps({"input": "hello", "model": "mistral/no-such-model"})
            await gateway.client.request("POST", "/v1/embeddings", body)

        assert len(upstream.calls) == 2
