"""A key that was refused: what is said of it, and what ends it."""

from typing import Any

import msgspec
import orjson
import pytest
import structlog

from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.types import Secret
from tests.gateway.conftest import Gateway
from tests.gateway.refusing import ANSWER, add, refuse
from tests.gateway.upstream_pages import Pages


class TestQuarantine:
    async def test_says_why_and_what_to_do_in_the_answer_and_in_the_log(
        self, gateway: Gateway, upstream: Pages
    ):
        add(gateway, "first", upstream)
        refuse(upstream, 401, {"error": {"message": "User not found."}})

        with structlog.testing.capture_logs() as logs:
            await gateway.client.chat()
        answer = await gateway.client.chat()

        assert (answer.status, answer.error["code"]) == (503, "no_healthy_provider")
        for word in (
            "status 401",
            "PATCH /api/me/providers/first",
            "POST /api/me/providers/first/test",
        ):
            assert word in answer.error["message"]
        (line,) = [log for log in logs if log["event"] == "credential.quarantined"]
        assert (line["provider"], line["status"]) == ("first", 401)
        assert "PATCH /api/me/providers/first" in line["detail"]
        assert "User not found." not in line["detail"]  # such texts may repeat the prompt

    @pytest.mark.parametrize(
        "said",
        [
            b"<html><title>Just a moment...</title></html>",
            {"error": {"message": "You have no access to the model `m`."}},
            {"error": {"message": "This feature is not for you.", "type": "permission_error"}},
            b"",
        ],
    )
    async def test_needs_proof_that_the_key_is_bad(self, gateway: Gateway, upstream: Pages, said: object):
        add(gateway, "first", upstream, "m", "other")
        refuse(upstream, 403, said)
        await gateway.client.chat(model="first/m")
        upstream.answer(200, orjson.dumps(ANSWER))

        answer = await gateway.client.chat(model="first/other")

        assert answer.status == 200

    @pytest.mark.parametrize("status", [401, 500])
    @pytest.mark.parametrize(
        "change", [{"secret": Secret("new")}, {"trusted_since": 1.0}], ids=["stored", "tested"]
    )
    async def test_new_key_and_good_test_end_it_and_the_breaker_in_the_very_next_request(
        self, gateway: Gateway, upstream: Pages, status: int, change: dict[str, Any]
    ):
        gateway.configure(circuit_breaker_threshold=1)
        add(gateway, "first", upstream)
        refuse(upstream, status, b"")
        await gateway.client.chat()
        closed = await gateway.client.chat()
        upstream.answer(200, orjson.dumps(ANSWER))

        account = msgspec.structs.replace(
            gateway.accounts[0], sealed=repr(change), **{"trusted_since": 2.0} | change
        )
        CATALOGUE.value = Catalogue(gateway.providers, [account], frozenset({1}))
        answer = await gateway.client.chat()

        assert (closed.status, answer.status) == (503, 200)
