"""What came of an upstream, as the ledger has it."""

import msgspec
import orjson

from tests.gateway.conftest import Gateway
from tests.gateway.refusing import ANSWER, add
from tests.gateway.upstream_pages import Pages


class TestUpstreamStatus:
    async def test_is_what_came(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream)
        for status, body in ((201, orjson.dumps(ANSWER)), (200, orjson.dumps(ANSWER)), (202, b"<html>")):
            upstream.answer(status, body)
            await gateway.client.chat()
        upstream.answer(200, b'{"error": {"message": "out of memory"}}')
        await gateway.client.chat()

        assert [event.upstream_status for event in gateway.events()] == [201, 200, 202, 200]

    async def test_of_a_cut_refusal_is_its_own(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream)
        upstream.answer(429, b'{"error', cut=True)

        await gateway.client.chat()

        (event,) = gateway.events()
        assert (event.error_kind, event.upstream_status) == ("rate_limited", 429)


async def test_empty_answer_is_asked_for_once_more(gateway: Gateway, upstream: Pages):
    add(gateway, "first", upstream, max_retries=1)
    empty = msgspec.json.decode(msgspec.json.encode(ANSWER))
    empty["choices"][0]["message"]["content"] = ""
    upstream.answer(200, orjson.dumps(empty))

    answer = await gateway.client.chat()

    assert answer.status == 502
    assert [event.error_kind for event in gateway.events()] == ["empty_response"] * 2
