"""How often one request, and many, ask one account."""

import orjson
import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.refusing import ANSWER, add, refuse
from tests.gateway.upstream_pages import Pages


class TestAttemptsOnOneAccount:
    MODELS = [f"model-{number}" for number in range(21)]

    async def test_generic_429_closes_the_account_after_one_call(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, *self.MODELS)
        refuse(upstream, 429, {"error": {"message": "Too Many Requests"}})

        answer = await gateway.client.chat()

        assert (answer.status, answer.error["code"]) == (429, "quota_exhausted")
        assert len(upstream.calls) == 1

    async def test_429_that_names_its_model_leaves_the_others_open(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "model-1", "model-2")
        refuse(upstream, 429, {"error": {"message": "Rate limit reached for model-1 on requests per day"}})
        await gateway.client.chat(model="first/model-1")
        upstream.answer(200, orjson.dumps(ANSWER))

        assert (await gateway.client.chat(model="first/model-2")).status == 200

    @pytest.mark.parametrize("status", [404, 418, 500])
    @pytest.mark.parametrize("allowed", [1, 3, 7])
    async def test_are_bounded_whatever_the_reason(
        self, gateway: Gateway, upstream: Pages, status: int, allowed: int
    ):
        gateway.configure(attempts_per_credential=allowed, circuit_breaker_threshold=100)
        add(gateway, "first", upstream, *self.MODELS)
        refuse(upstream, status, b"")

        await gateway.client.chat()

        assert len(upstream.calls) == allowed

    async def test_retries_in_place_count(self, gateway: Gateway, upstream: Pages):
        gateway.configure(attempts_per_credential=2, circuit_breaker_threshold=100)
        add(gateway, "first", upstream, *self.MODELS, max_retries=5)
        refuse(upstream, 500, b"")

        await gateway.client.chat()

        assert len(upstream.calls) == 2

    async def test_are_counted_for_each_request_and_account(self, gateway: Gateway, upstream: Pages):
        gateway.configure(circuit_breaker_threshold=100)
        for name in ("first", "second"):
            add(gateway, name, upstream, *self.MODELS)
        refuse(upstream, 500, b"")

        for _ in range(2):
            await gateway.client.chat()

        assert len(upstream.calls) == 2 * 2 * 3
